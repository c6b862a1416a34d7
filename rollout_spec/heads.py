"""The head of a branch is trusted for its tree alone: anybody who may push can write an author, a name or a trailer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Literal

from rollout_spec.errors import UserError
from rollout_spec.landing import Base

Edits = Mapping[str, bytes | None]
"""New contents by path from the git root; None removes the file."""

Rebuild = Callable[[Base, str], Edits | None]
"""Returns the edits that this process would make on a base for what a commit takes back; None if it is none of ours."""

HeadState = Literal["current", "outdated", "foreign", "merged"]
"""``current``: ours, and right on the newest base. ``outdated``: ours, and no longer right there. ``foreign``: a commit
in it is not ours. ``merged``: the base holds it."""

_MOST_COMMITS = 20


class Heads:
    """The heads of branches, examined for one base and one kind of change. Each head is examined once."""

    def __init__(self, base: Base, rebuild: Rebuild) -> None:
        self._base = base
        self._rebuild = rebuild
        self.state = cache(self._state)
        self.is_ours = cache(self._is_ours)

    def _state(self, head: str) -> HeadState:
        """Return how a head relates to what this process would build. The head is in the clone already."""
        if self._base.git.holds(self._base.commit, head):
            return "merged"
        if not self.is_ours(head):
            return "foreign"
        own = self._own_base(head)
        assert own is not None
        return "current" if own == self._base.commit or self._still_applies(head, own) else "outdated"

    def _is_ours(self, head: str) -> bool:
        """Return whether each commit beyond the base has the tree that this process builds on that commit's own base.

        A merge of the base into the branch, as forges make it to bring a branch up to date, is one such commit.
        """
        commits = self._base.git.beyond(self._base.commit, head)
        return 0 < len(commits) <= _MOST_COMMITS and all(map(self._is_built_here, commits))

    def _is_built_here(self, commit: str) -> bool:
        own = self._own_base(commit)
        if own is None:
            return False
        git, there = self._base.git, replace(self._base, commit=own)
        try:
            edits = self._rebuild(there, commit)
            return edits is not None and git.tree_with(own, edits) == git.tree_of(commit)
        except UserError:  # what this process cannot build, it did not build
            return False

    def _own_base(self, commit: str) -> str | None:
        return self._base.git.parted(self._base.commit, commit)

    def _still_applies(self, head: str, own: str) -> bool:
        """Return whether a merge into the newest base gives what this process would build there.

        Incidents aside: they are records of the breach, and the head has them already.
        """
        git, newest = self._base.git, self._base
        edits, then = self._rebuild(newest, head), self._rebuild(replace(newest, commit=own), head)
        if edits is None or then is None or edits.keys() != then.keys():
            return False
        folder = newest.path("incidents/")
        wanted = {path: git.read(head, path) if path.startswith(folder) else edits[path] for path in edits}
        return git.merged_tree(newest.commit, head) == git.tree_with(newest.commit, wanted)
