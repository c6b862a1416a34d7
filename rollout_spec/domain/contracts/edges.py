"""Numbers and texts at which schemas may differ.

They are made from bounds, their neighbours, multiples, lengths and listed values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import islice, pairwise
from typing import Any

from rollout_spec.domain.contracts.branches import Part
from rollout_spec.domain.contracts.exact import key, plain, type_of
from rollout_spec.domain.contracts.json_schema import TYPES
from rollout_spec.domain.contracts.texts import matching

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NUMBERS = (1, 0, -1, 2, Decimal("0.5"), Decimal("1.5"), Decimal("-0.5"), 3, 10, 100)
_TEXTS = ("a", "", "0", "A", "aa", "b", "a b", "-", "zz9", "!")
_MOST_NUMBERS, _MOST_TEXTS, _MOST_VALUES = 60, 60, 40
_RANGE, _LONGEST, _LISTED = 40, 5000, 8
_FAR = 10**12
_Number = int | Decimal


def scalars(parts: Sequence[Part], types: frozenset[str] = TYPES) -> Iterator[Any]:
    """Give the scalars at the limits of all parts about one instance, and the listed values of all types."""
    yield from (value for value in _listed(parts) if type_of(value) in types)
    if "integer" in types:
        yield from islice(_numbers(parts), _MOST_NUMBERS)
    if "string" in types:
        yield from islice(_texts(parts), _MOST_TEXTS)
    yield from (True, False) if "boolean" in types else ()
    yield from (None,) if "null" in types else ()


def counts(parts: Sequence[Part], least: str, most: str, *, longest: int) -> list[int]:
    """Return the possible counts: each limit and its neighbours."""
    limits = (_whole(part.get(name)) for part in parts for name in (least, most))
    near = (limit + step for limit in limits if limit is not None for step in (0, 1, -1))
    return sorted({count for count in near if 0 <= count <= longest})


def _whole(value: Any) -> int | None:
    return int(value) if type_of(value) == "integer" and abs(value) <= _FAR else None


def _listed(parts: Sequence[Part]) -> Iterator[Any]:
    """Give constants, the first values of each list, and the first values that another list lacks."""
    lists = [part["enum"] for part in parts if isinstance(part.get("enum"), list)]
    lists += [[part["const"]] for part in parts if "const" in part]
    keys = [{key(value) for value in values} for values in lists]
    for at, values in enumerate(lists):
        others = [other_keys for number, other_keys in enumerate(keys) if number != at]
        alone = (value for value in values if any(key(value) not in other_keys for other_keys in others))
        yield from islice(values, _LISTED)
        yield from islice(alone, _LISTED)
    for part in parts:
        yield from islice(part["examples"], _LISTED) if isinstance(part.get("examples"), list) else ()
        if "default" in part:
            yield part["default"]


def _numbers(parts: Sequence[Part]) -> Iterator[_Number]:
    bounds = _sorted(number for part in parts for name in _BOUNDS for number in _bound(part.get(name)))
    steps = _sorted(number for part in parts for number in _bound(part.get("multipleOf")) if number > 0)
    with localcontext() as context:
        context.prec = 60
        numbers = [*bounds, *_near(bounds, steps), *_NUMBERS, *_multiples(steps)]
        spread = [number for low, high in pairwise(bounds) for number in _between(low, high)]
        plain_numbers = [plain(number) for number in [*numbers, *spread]]
    yield from dict.fromkeys(number for number in plain_numbers if number is not None and -_FAR <= number <= _FAR)


def _sorted(numbers: Iterable[_Number]) -> list[_Number]:
    return sorted(set(numbers))


def _bound(value: Any) -> Iterator[_Number]:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = plain(value)
        if number is not None and -_FAR <= number <= _FAR:
            yield number


def _near(bounds: Iterable[_Number], steps: Sequence[_Number]) -> Iterator[_Number]:
    for bound in bounds:
        yield from (bound + 1, bound - 1)
        yield from (bound + Decimal("0.5"), bound - Decimal("0.5"))
        for step in steps:
            below = Decimal(bound) // Decimal(step) * Decimal(step)
            yield from (below, below + step, below - step, bound + step, bound - step)


def _multiples(steps: Sequence[_Number]) -> Iterator[_Number]:
    for step in steps:
        yield from (step * times for times in (1, 2, 3, -1, 5, 7))
        yield Decimal(step) / 2


def _between(low: _Number, high: _Number) -> Iterator[_Number]:
    """Give whole numbers between two bounds (all of them if they are few) and the middle."""
    first, last = int(low) - 1, int(high) + 1
    width = last - first
    yield from range(first, last + 1, max(1, width // _RANGE))
    yield Decimal(low + high) / 2


def _texts(parts: Sequence[Part]) -> Iterator[str]:
    lengths = counts(parts, "minLength", "maxLength", longest=_LONGEST)
    repeats = {length - less for length in lengths for less in range(4) if length >= less}
    patterns = dict.fromkeys(part["pattern"] for part in parts if isinstance(part.get("pattern"), str))
    rows = [matching(pattern, repeats) for pattern in patterns]
    matches = [texts[at] for at in range(24) for texts in rows if at < len(texts)]
    yield from dict.fromkeys([*_TEXTS[:2], *matches[:30], *("a" * length for length in lengths), *_TEXTS])
    for text in matches[:6]:
        yield from (f"{text}!", f"!{text}", text[:-1], text.swapcase())
