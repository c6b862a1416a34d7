"""Entries of commits and of the index: mode, object and flags of each file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TreeEntry:
    """An entry of an index or a commit. ``skip`` and ``assume`` are flags that a person may have set."""

    mode: str
    oid: str
    skip: bool = False
    assume: bool = False


class Run(Protocol):
    """A function that runs a git command and returns its output."""

    def __call__(self, *arguments: str) -> str: ...


def committed(run: Run, commit: str | None, paths: Sequence[str]) -> dict[str, TreeEntry]:
    """Return the entries of a commit for these paths; none if there is no commit."""
    if commit is None or not paths:
        return {}
    entries = {}
    for line in run("ls-tree", "-z", "--full-tree", commit, "--", *paths).split("\0"):
        fields, _, path = line.partition("\t")
        if path in paths:
            mode, _, oid = fields.split()
            entries[path] = TreeEntry(mode, oid)
    return entries


def staged(run: Run, paths: Sequence[str]) -> dict[str, TreeEntry]:
    """Return the entries of the index for these paths; of a conflict, one of them."""
    entries = {}
    for line in run("ls-files", "-v", "--stage", "-z", "--", *paths).split("\0"):
        fields, _, path = line.partition("\t")
        if path in paths:
            letter, mode, oid, _ = fields.split()
            entries[path] = TreeEntry(mode, oid, letter.upper() == "S", letter.islower())
    return entries


def same(one: TreeEntry | None, other: TreeEntry | None) -> bool:
    """Return whether two entries have the same mode and content."""
    if one is None or other is None:
        return one is other
    return (one.mode, one.oid) == (other.mode, other.oid)
