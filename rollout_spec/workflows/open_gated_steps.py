"""Open pull requests of gated steps: they lose auto-merge once the gate does not say ok."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.core.units import label
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle.pull_request import GATED
from rollout_spec.workflows.base_branch import Base

_STEPS = ("advance", "promote")
_MOST = 20
"""The number of branches of one rollout that the forge is asked about: anybody may push thousands."""
_MOST_UNLIKELY = 100
"""The number of branches of all rollouts together that have no name of a step of their candidate."""
_MOST_KEPT = 5000


@dataclass
class MergedSteps:
    """Branches at heads whose pull requests were merged: the forge need not be asked again."""

    heads: set[tuple[str, str]] = field(default_factory=set)

    def add(self, branch: str, head: str) -> None:
        """Keep a head, in place of all others if there are many."""
        if len(self.heads) >= _MOST_KEPT:
            self.heads.clear()
        self.heads.add((branch, head))


@dataclass
class OpenSteps:
    """The branches of steps forward of one workspace. Without a forge nothing is held."""

    base: Base
    workspace: str
    forge: Forge | None
    merged: MergedSteps = field(default_factory=MergedSteps)
    _unlikely: int = 0

    @cached_property
    def _listing(self) -> tuple[dict[str, str], str | None]:
        """The branches that may still be open, and the error if the remote did not list them."""
        if self.base.remote is None or self.forge is None:
            return {}, None
        try:
            branches = self.base.remote.branches(*(f"{step}*" for step in _STEPS))
        except Exception as error:
            return {}, as_user_error(error).message
        return {name: head for name, head in branches.items() if (name, head) not in self.merged.heads}, None

    @property
    def rollouts(self) -> set[str]:
        """The rollouts that the branches name. Anybody may push such a branch."""
        name = re.compile(rf"{_folder('|'.join(_STEPS))}{_folder(re.escape(self.workspace))}([a-z0-9-]+)(?:\.[0-9]+)?/")
        return {match[1] for branch in self._listing[0] if (match := name.match(branch)) is not None}

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
        if pull is not None and pull.state == "merged":
            self.merged.add(branch, self._listing[0][branch])
        if pull is None or pull.state != "open" or not pull.auto_merge_enabled or GATED not in pull.labels:
            return
        self.forge.hold(pull)
        notes.append(f"{pull.url} is held: it does not merge by itself any more")
        self.forge.comment(pull, "gate", f"**This is held.** {reason}")

    def _likely(self, rollout: str, version: str, notes: list[str]) -> list[str]:
        """Return the branches that the steps of a rollout may have, the likeliest first.

        Anybody may push branches. ``branch_names`` gives a step another name if one of them is in its way.
        """
        branches, error = self._listing
        notes += [error] if error is not None else []
        folders = "".join(_folder(name) for name in ("|".join(_STEPS), *map(re.escape, (self.workspace, rollout))))
        numbered = re.compile(rf"{folders}{label(version)}(?:-(?:[2-9]|1[0-9]))?")
        final = re.compile(rf"{folders}{label(version)}-([0-9a-f]{{12}})")

        def likelihood(branch: str) -> int:
            match = final.fullmatch(branch)
            is_final = match is not None and branches[branch].startswith(match[1])
            return 2 if numbered.fullmatch(branch) else 1 if is_final else 0

        named = sorted((each for each in branches if re.match(folders, each)), key=likelihood, reverse=True)
        likely = [each for each in named if likelihood(each)][:_MOST]
        more = [each for each in named if not likelihood(each)]
        room = max(min(_MOST - len(likely), _MOST_UNLIKELY - self._unlikely), 0)
        if len(more) > room:
            missed = f"{len(more) - room:,} more branches"
            notes.append(f"{missed} are named like steps of {rollout}, and were not looked at")
        self._unlikely += min(len(more), room)
        return likely + more[:room]


def _folder(name: str) -> str:
    """Return the pattern of a folder of a branch. One whose name is taken has a number."""
    return rf"(?:{name})(?:\.[0-9]+)?/"
