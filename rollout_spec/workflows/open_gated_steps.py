"""Open pull requests of gated steps: they lose auto-merge once the gate does not say ok."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.core.units import label
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle.pull_request import GATED
from rollout_spec.workflows.base_branch import Base

_STEPS = ("advance", "promote")
_MOST = 50
"""The number of branches of one rollout that the forge is asked about: anybody may push thousands."""


@dataclass(frozen=True)
class OpenSteps:
    """The branches of steps forward of one workspace. Without a forge nothing is held."""

    base: Base
    workspace: str
    forge: Forge | None

    @cached_property
    def _branches(self) -> dict[str, str]:
        if self.base.remote is None:
            return {}
        return self.base.remote.branches(*(f"{step}*" for step in _STEPS))

    def hold(self, rollout: str, version: str, reason: str) -> tuple[str, ...]:
        """Cancel the auto-merge of the open steps of a rollout, and return notes. An error is a note too."""
        notes = list[str]()
        for branch in self._likely(rollout, version, notes) if self.forge is not None else ():
            try:
                self._hold(branch, reason, notes)
            except Exception as error:  # a breach must be answered whatever the forge says
                notes.append(as_user_error(error).message)
        return tuple(notes)

    def _hold(self, branch: str, reason: str, notes: list[str]) -> None:
        """Cancel auto-merge, then write why: nothing merges in between, and a locked pull request is held too."""
        assert self.forge is not None
        pull = self.forge.find(branch, self.base.branch)
        if pull is None or pull.state != "open" or not pull.auto_merge_enabled or GATED not in pull.labels:
            return
        self.forge.hold(pull)
        notes.append(f"{pull.url} is held: it does not merge by itself any more")
        self.forge.comment(pull, "gate", f"**This is held.** {reason}")

    def _likely(self, rollout: str, version: str, notes: list[str]) -> list[str]:
        """Return the branches that the steps of a rollout may have, the likeliest first.

        Anybody may push branches. ``branch_names`` gives a step another name if one of them is in its way.
        """
        try:
            branches = self._branches
        except Exception as error:
            notes.append(as_user_error(error).message)
            return []
        names = (re.escape(name) for name in (self.workspace, rollout))
        folders = "".join(rf"{folder}(?:\.[0-9]+)?/" for folder in (f"(?:{'|'.join(_STEPS)})", *names))
        numbered = re.compile(rf"{folders}{label(version)}(?:-(?:[2-9]|1[0-9]))?")
        final = re.compile(rf"{folders}{label(version)}-([0-9a-f]{{12}})")

        def likelihood(branch: str) -> int:
            match = final.fullmatch(branch)
            is_final = match is not None and branches[branch].startswith(match[1])
            return 2 if numbered.fullmatch(branch) else 1 if is_final else 0

        return sorted((each for each in branches if re.match(folders, each)), key=likelihood, reverse=True)[:_MOST]
