"""A tree that records its reads, so that a command can detect concurrent changes before it writes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from rollout_spec.core.errors import ChangedError
from rollout_spec.workspace.tree import Tree

Seen = dict[tuple[str, str, str], bytes | None]
"""The digest of each file and of each list of names, by the tree's place, the kind of read and the path."""


class Watched:
    """A wrapped tree. ``seen`` records its reads, and those of the folders that it leads to."""

    def __init__(self, below: Tree, seen: Seen | None = None, trees: dict[str, Tree] | None = None) -> None:
        self.below = below
        self.seen: Seen = {} if seen is None else seen
        self._trees: dict[str, Tree] = {} if trees is None else trees
        self._trees.setdefault(below.location, below)

    def read(self, path: str) -> bytes | None:
        """Read a file, and record its digest."""
        content = self.below.read(path)
        self._record("read", path, content)
        return content

    def names(self, folder: str) -> list[str]:
        """List a folder, and record its names."""
        names = self.below.names(folder)
        self._record("names", folder, _joined(names))
        return names

    def __getattr__(self, name: str) -> Any:
        """Delegate all other methods to the tree below."""
        if name == "below":  # it is not set yet
            raise AttributeError(name)
        return getattr(self.below, name)

    @property
    def location(self) -> str:
        """The folder of the tree below."""
        return self.below.location

    def converts_line_endings(self, path: str) -> bool:
        """Return whether the tree below converts them."""
        return self.below.converts_line_endings(path)

    def elsewhere(self, path: str) -> Watched | None:
        """Return another folder of the tree below, whose reads are recorded too."""
        other = self.below.elsewhere(path)
        return None if other is None else Watched(other, self.seen, self._trees)

    def check_unchanged(self, more: Mapping[tuple[str, str, str], bytes | None] | None = None) -> None:
        """Read everything again. ChangedError if something changed. ``more`` holds the reads of other trees."""
        for (location, kind, path), digest in {**(more or {}), **self.seen}.items():
            tree = self._trees.get(location) or self.below.elsewhere(posixpath.relpath(location, self.location))
            if tree is None:
                raise ChangedError(location)
            if _digest(tree.read(path) if kind == "read" else _joined(tree.names(path))) != digest:
                raise ChangedError(f"{location}/{path}".rstrip("/"))

    def _record(self, kind: str, path: str, content: bytes | None) -> None:
        key, digest = (self.location, kind, path), _digest(content)
        if self.seen.setdefault(key, digest) != digest:
            raise ChangedError(f"{self.location}/{path}".rstrip("/"))


def _joined(names: list[str]) -> bytes:
    return "\0".join(names).encode("utf-8", "surrogateescape")


def _digest(content: bytes | None) -> bytes | None:
    return None if content is None else blake2b(content, digest_size=32).digest()
