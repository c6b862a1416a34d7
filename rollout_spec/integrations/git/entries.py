"""Entries of commits and of the index: which content git has of a file, and what it was told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TreeEntry:
    """One entry of an index or a commit. ``skip`` and ``assume`` are the bits that a person may have set on it."""

    mode: str
    oid: str
    skip: bool = False
    assume: bool = False


class Run(Protocol):
    """Runs one command of git, and returns what it prints."""

    def __call__(self, *words: str) -> str: ...


def committed(run: Run, commit: str | None, paths: Sequence[str]) -> dict[str, TreeEntry]:
    """Return the entries of a commit for these paths; none if there is no commit."""
    if commit is None or not paths:
        return {}
    found = {}
    for line in run("ls-tree", "-z", "--full-tree", commit, "--", *paths).split("\0"):
        facts, _, path = line.partition("\t")
        if path in paths:
            mode, _, oid = facts.split()
            found[path] = TreeEntry(mode, oid)
    return found


def staged(run: Run, paths: Sequence[str]) -> dict[str, TreeEntry]:
    """Return the entries of the index for these paths; of a conflict, one of them."""
    found = {}
    for line in run("ls-files", "-v", "--stage", "-z", "--", *paths).split("\0"):
        facts, _, path = line.partition("\t")
        if path in paths:
            letter, mode, oid, _ = facts.split()
            found[path] = TreeEntry(mode, oid, letter.upper() == "S", letter.islower())
    return found


def same(one: TreeEntry | None, other: TreeEntry | None) -> bool:
    """Return whether two entries are of the same content."""
    if one is None or other is None:
        return one is other
    return (one.mode, one.oid) == (other.mode, other.oid)
