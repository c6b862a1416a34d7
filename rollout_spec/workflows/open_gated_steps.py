"""Open pull requests of gated steps: they lose auto-merge once the gate does not say ok."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle.pull_request import GATED
from rollout_spec.workflows.base_branch import Base

_STEPS = ("advance", "promote")
_MOST = 20
"""The number of branches of one rollout that the forge is asked about: anybody may push thousands."""


@dataclass(frozen=True)
class OpenSteps:
    """The branches of steps forward of one workspace. Without a forge nothing is held."""

    base: Base
    workspace: str
    forge: Forge | None

    @cached_property
    def _branches(self) -> list[str]:
        if self.base.remote is None:
            return []
        return [branch for step in _STEPS for branch in self.base.remote.branches(f"{step}/{self.workspace}/*")]

    def hold(self, rollout: str, reason: str) -> tuple[str, ...]:
        """Cancel the auto-merge of the open steps of a rollout, and return notes."""
        if self.forge is None:
            return ()
        starts = tuple(f"{step}/{self.workspace}/{rollout}/" for step in _STEPS)
        notes = list[str]()
        for branch in [each for each in self._branches if each.startswith(starts)][:_MOST]:
            try:
                pull = self.forge.find(branch, self.base.branch)
                if pull is None or pull.state != "open" or not pull.auto_merge_enabled or GATED not in pull.labels:
                    continue
                self.forge.comment(pull, "gate", f"**This is held.** {reason}")
                self.forge.hold(pull)
                notes.append(f"{pull.url} is held: it does not merge by itself any more")
            except UserError as error:
                notes.append(error.message)
        return tuple(notes)
