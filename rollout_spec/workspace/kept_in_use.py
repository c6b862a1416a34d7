"""Results of edits, found again by the edits while they are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")
Edits = Mapping[str, bytes | None]


class KeptInUse(Generic[T]):
    """Results by their edits. One is freed when nothing else uses it, except in a block of ``keeping``."""

    def __init__(self) -> None:
        self._made: WeakValueDictionary[frozenset[tuple[str, bytes | None]], T] = WeakValueDictionary()
        self._kept: list[T] | None = None

    def of(self, edits: Edits, make: Callable[[Edits], T]) -> T:
        """Return the result of the same edits, or make it."""
        key = frozenset(edits.items())
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make(edits)
            if self._kept is not None:
                self._kept.append(found)
        return found

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep all new results until the end of the block."""
        before, self._kept = self._kept, [] if self._kept is None else self._kept
        try:
            yield
        finally:
            self._kept = before
