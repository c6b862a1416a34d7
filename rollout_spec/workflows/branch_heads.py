"""Heads of branches, compared with the commits that this process would build.

Only the tree of a head is trusted: anybody who may push can write an author, a name or a trailer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from rollout_spec.core.commit_message import starts_no_checks
from rollout_spec.core.errors import UserError
from rollout_spec.workflows.base_branch import Base

Edits = Mapping[str, bytes | None]
"""New contents by path from the git root; None removes the file."""


@dataclass(frozen=True)
class Built:
    """The edits that this process would build on a base for a commit, and their branch name.

    ``records`` are the paths of the incidents of the answered breaches. ``merges_itself``: the forge may merge a gated
    step by itself there.
    """

    edits: Edits
    branch: str
    records: frozenset[str] = frozenset()
    merges_itself: bool = False


Rebuild = Callable[[Base, str], Built | None]
"""A function that rebuilds a commit's change on a base; None if this tool builds no such change."""

HeadState = Literal["current", "outdated", "foreign", "merged"]
"""``current``: built by this tool and right on the newest base. ``outdated``: built by this tool, but no longer right.
``foreign``: it contains a commit that this tool does not build. ``merged``: the base contains it."""

_MOST_COMMITS = 20
_MOST_SECONDS = 60.0
"""The time to examine heads: anybody may push thousands, and long histories."""


class Heads:
    """The heads of branches, examined against one base and one kind of change, each once."""

    def __init__(self, base: Base, rebuild: Rebuild) -> None:
        self._base = base
        self._rebuild = rebuild
        self._spent = 0.0
        self._since: float | None = None
        self.is_ours = cache(self._is_ours)

    @property
    def is_late(self) -> bool:
        """Return whether the time is spent. A head that was not examined may be ours."""
        running = time.monotonic() - self._since if self._since is not None else 0.0
        return self._spent + running > _MOST_SECONDS

    def state(self, head: str, wanted: Built) -> HeadState:
        """Compare a head, which is in the clone, with the change that this process builds now.

        A head that this tool built for another change, and that was pushed under this name, is foreign.
        """
        if self._base.git.holds(self._base.commit, head):
            return "merged"
        own = self._own_base(head) if self.is_ours(head) else None
        built = self._rebuild(replace(self._base, commit=own), head) if own is not None else None
        if own is None or built is None or built.branch != wanted.branch:
            return "foreign"
        if starts_no_checks(self._base.git.message(head)):
            return "outdated"
        return "current" if self._applies(head, own, wanted, built) else "outdated"

    def merges_itself(self, head: str) -> bool:
        """Return whether a head of this tool might merge by itself when it was built."""
        own = self._own_base(head)
        built = self._rebuild(replace(self._base, commit=own), head) if own is not None else None
        return built is not None and built.merges_itself

    def _is_ours(self, head: str) -> bool:
        """Return whether this tool would build each commit of a head that is not on the base.

        A merge of the base into the branch, which forges make to update a branch, counts as such a commit.
        """
        self._since = time.monotonic()
        try:
            commits = self._base.git.commits_between(self._base.commit, head)
            return 0 < len(commits) <= _MOST_COMMITS and all(map(self._is_built_here, commits))
        finally:
            self._spent, self._since = self._spent + time.monotonic() - self._since, None

    def _is_built_here(self, commit: str) -> bool:
        own = self._own_base(commit)
        if own is None:
            return False
        git, own_base = self._base.git, replace(self._base, commit=own)
        try:
            built = self._rebuild(own_base, commit)
            if built is None:
                return False
            edits, parents = built.edits, git.parents(commit)
            if len(parents) > 1:  # an incident is a record: it stays unchanged if the base is merged into the branch
                branch_parents = [parent for parent in parents if not git.holds(self._base.commit, parent)]
                edits = self._with_incidents(edits, branch_parents[0] if len(branch_parents) == 1 else own)
            return git.tree_with(own, edits) == git.tree_of(commit)
        except UserError:  # this process did not build a commit that it cannot build
            return False

    def _with_incidents(self, edits: Edits, commit: str) -> Edits:
        """Return edits with the incidents as they are in a commit."""
        git, folder = self._base.git, self._base.path("incidents/")
        return {path: git.read(commit, path) if path.startswith(folder) else new for path, new in edits.items()}

    def _own_base(self, commit: str) -> str | None:
        return self._base.git.parted(self._base.commit, commit)

    def _applies(self, head: str, own: str, wanted: Built, built: Built) -> bool:
        """Return whether a merge of a head into the newest base gives the tree that this process builds there.

        The incident of the breach is not compared: it is a record, and the head has one already.
        """
        git, newest = self._base.git, self._base.commit
        if wanted.edits.keys() - built.edits.keys():
            return False
        edits = {path: git.read(head, path) if path in wanted.records else new for path, new in wanted.edits.items()}
        merged = git.tree_of(head) if own == newest else git.merged_tree(newest, head)
        return merged == git.tree_with(newest, edits)
