"""A GitHub pull request that must not merge by itself: no auto-merge, no merge queue, and a draft."""

from __future__ import annotations

from collections.abc import Callable

from github.PullRequest import PullRequest as Theirs
from github.Repository import Repository

from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.github.api import answers
from rollout_spec.integrations.forges.github.merge import Merging
from rollout_spec.integrations.forges.http import ForgeError
from rollout_spec.integrations.forges.probes import is_denied

NO_DRAFTS = "Draft: "
"""The prefix of a draft's title, if the owner's plan has no drafts."""


class Holding:
    """The hold of one open pull request."""

    def __init__(self, repository: Repository, theirs: Theirs, secret: str) -> None:
        self._repository = repository
        self._theirs = theirs
        self._secret = secret

    def hold(self, pull: PullRequest, read_again: Callable[[], PullRequest]) -> PullRequest:
        """Cancel its merge, make it a draft, and return it as it is then.

        ForgeError if GitHub may still merge it.
        """
        refused = self._cancel(pull)
        if not pull.draft:
            self._make_draft()
        pull = read_again()
        if refused is not None and pull.state == "open" and (pull.auto_merge_enabled or self._is_queued()):
            raise refused
        return pull

    def _cancel(self, pull: PullRequest) -> ForgeError | None:
        """Disable auto-merge and leave the merge queue. Return a refusal.

        GitHub refuses if auto-merge was disabled, or the queue was left, meanwhile.
        """
        refused = None
        if pull.auto_merge_enabled:
            refused = self._refusal_of(self._disable)
        if self._is_queued():
            refused = self._refusal_of(self._dequeue) or refused
        return refused

    def _disable(self) -> None:
        with answers("disable auto-merge", secret=self._secret):
            self._theirs.disable_automerge()

    def _dequeue(self) -> None:
        with answers("take the pull request out of the merge queue", secret=self._secret):
            self._repository.requester.graphql_named_mutation(
                "dequeuePullRequest", {"id": self._theirs.node_id}, "mergeQueueEntry { position }"
            )

    @staticmethod
    def _refusal_of(request: Callable[[], None]) -> ForgeError | None:
        """Send a request, and return the error if GitHub denies it."""
        try:
            request()
        except ForgeError as error:
            if not is_denied(error):
                raise
            return error
        return None

    def _is_queued(self) -> bool:
        return Merging(self._repository, self._theirs, self._secret).queue()[0]

    def _make_draft(self) -> None:
        """Make it a draft, or mark it in the title if the owner's plan has no drafts."""
        try:
            with answers("make the pull request a draft", secret=self._secret):
                self._theirs.convert_to_draft()
        except ForgeError as error:
            if "raft pull requests are not supported" not in error.reason:
                raise
            with answers("mark the pull request as a draft", secret=self._secret):
                if not self._theirs.title.startswith(NO_DRAFTS):
                    self._theirs.edit(title=wording.title(self._theirs.title, NO_DRAFTS))
