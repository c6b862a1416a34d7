"""Results that are computed once: those of one repository, and those of edits while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, Self, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")
Edits = Mapping[str, bytes | None]
_MOST_RECENT = 128


class Results:
    """The results that depend only on an object, by key, and the last ones that depend only on their key."""

    def __init__(self) -> None:
        self._results: dict[object, Any] = {}
        self._recent: OrderedDict[object, Any] = OrderedDict()

    def once(self, key: object, compute: Callable[[Self], T]) -> T:
        """Return a result that depends only on this object, computed at the first call with its key."""
        if key not in self._results:
            self._results[key] = compute(self)
        result: T = self._results[key]
        return result

    def recall(self, key: object, compute: Callable[[], T]) -> T:
        """Return a result that depends only on its key, computed unless it is among the last ones."""
        recent = self._recent
        if key in recent:
            recent.move_to_end(key)
        else:
            recent[key] = compute()
            if len(recent) > _MOST_RECENT:
                recent.popitem(last=False)
        result: T = recent[key]
        return result


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
