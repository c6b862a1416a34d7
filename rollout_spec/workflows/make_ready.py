"""The last steps of an open pull request: ready for review, a status of its commit, and auto-merge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.integrations.forges import Forge

Attest = Callable[[PullRequest, str], None]
"""A function that checks a commit and sets its status. It raises an error if it does not set the status."""


@dataclass(frozen=True)
class Readiness:
    """An open pull request at a commit, and the change behind it.

    ``fresh``: no person can have changed it yet. ``attest`` is None unless this process built the commit.
    """

    pull: PullRequest
    commit: str
    change: ProposedChange
    forge: Forge
    fresh: bool
    attest: Attest | None = None

    def make_ready(self, notes: list[str]) -> PullRequest:
        """Mark it ready, attest it and enable auto-merge, unless a person undid that."""
        pull, change, forge = self.pull, self.change, self.forge
        wants_ready, wants_arm = pull.draft and not change.draft, change.auto_merge and not pull.auto_merge_enabled
        attest = self.attest if change.auto_merge and not change.draft else None
        if not wants_ready and not wants_arm and pull.head_sha == self.commit and attest is None:
            return pull
        interventions = Interventions() if self.fresh else forge.interventions(pull)
        is_changed = interventions.converted_to_draft or interventions.cancelled_auto_merge
        if pull.head_sha != self.commit and not is_changed:
            pull = forge.update(pull, change, self.commit)  # a forge on disk does not notice that its branch moved
        if wants_ready and interventions.converted_to_draft:
            notes.append("it stays a draft because a person made it one")
        elif wants_ready:
            pull = forge.ready(pull)
        may_attest = not is_changed and not pull.draft
        if attest is not None and may_attest and forge.attests_first:
            pull = self._attest(attest, pull, notes)
        if wants_arm and not pull.draft and interventions.cancelled_auto_merge:
            notes.append("auto-merge is not enabled: a person cancelled it")
        elif wants_arm and not pull.draft and pull.state == "open" and not pull.auto_merge_enabled:
            pull = forge.enable_auto_merge(pull, self.commit)
        if attest is not None and may_attest and not forge.attests_first and pull.state == "open":
            pull = self._attest(attest, pull, notes)
        return pull

    def _attest(self, attest: Attest, pull: PullRequest, notes: list[str]) -> PullRequest:
        """Set the status and return the pull request, perhaps merged. An error is only a note."""
        try:
            attest(pull, self.commit)
            return self.forge.find(pull.head, pull.base) or pull
        except Exception as error:
            notes.append(f"the service set no status: {as_user_error(error).message}")
            return pull
