"""The regular expressions that ECMA-262, Python and other engines read alike.

Not included: look-behind, references to groups, flags, names, ``\\b``, ``\\p``, text beyond ASCII, and every expression
that one engine refuses.

Source: https://json-schema.org/draft/2020-12/json-schema-core#section-6.4
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_LONGEST, _MOST_COUNT, _DEEPEST = 1000, 1000, 20
PRINTABLE = frozenset(map(chr, range(32, 127)))
_DIGITS = frozenset("0123456789")
_WORD = frozenset(char for char in PRINTABLE if char.isalnum()) | {"_"}
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": frozenset(" ")}
_CLASSES |= {name.upper(): PRINTABLE - chars for name, chars in _CLASSES.items()}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_COUNTS = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")


class UnportableError(ValueError):
    """A regular expression that engines may read differently."""


@dataclass(frozen=True)
class Repeated:
    """A part with its quantifier. ``most`` is None without an upper limit."""

    part: Part
    least: int
    most: int | None


@dataclass(frozen=True)
class Either:
    """Alternatives, each a sequence."""

    sequences: tuple[tuple[Part, ...], ...]


Part = frozenset[str] | Repeated | Either


@lru_cache(maxsize=1024)
def is_portable(pattern: str) -> bool:
    """Return whether all engines agree on which printable ASCII texts match."""
    try:
        parsed(pattern)
        re.compile(pattern)
    except (UnportableError, re.error, OverflowError, RecursionError):
        return False
    return True


def is_plain(text: str) -> bool:
    """Return whether a text is printable ASCII."""
    return text.isascii() and text.isprintable()


@lru_cache(maxsize=1024)
def parsed(pattern: str) -> Either:
    if len(pattern) > _LONGEST or not is_plain(pattern):
        raise UnportableError
    reader = _Reader(pattern)
    pattern_tree = reader.either(0)
    if reader.at < len(pattern):
        raise UnportableError
    return pattern_tree


class _Reader:
    """A reader of a pattern, with its position."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, wanted: str) -> bool:
        """Skip a text if it is next. Return whether it was."""
        is_next = self.text.startswith(wanted, self.at)
        self.at += len(wanted) if is_next else 0
        return is_next

    def one(self) -> str:
        if self.at >= len(self.text):
            raise UnportableError
        self.at += 1
        return self.text[self.at - 1]

    def either(self, depth: int) -> Either:
        if depth > _DEEPEST:
            raise UnportableError
        found: list[tuple[Part, ...]] = []
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.take("|"):
                found.append(tuple(parts))
                parts = []
            elif (part := self.part(depth)) is not None:
                parts.append(part)
        return Either((*found, tuple(parts)))

    def part(self, depth: int) -> Part | None:
        """Read one part with its quantifier. None if it matches no text."""
        char = self.one()
        if char in "^$":
            if self.is_counted():
                raise UnportableError
            return None
        if char in "*+?{}])":
            raise UnportableError
        if char == "(":
            return self.group(depth)
        return self.repeated(self.chars(char))

    def group(self, depth: int) -> Part | None:
        looks = self.take("?=") or self.take("?!")
        if not looks and not self.take("?:") and self.take("?"):
            raise UnportableError
        inside = self.either(depth + 1)
        if not self.take(")"):
            raise UnportableError
        if looks:
            if self.is_counted():
                raise UnportableError
            return None
        return self.repeated(inside)

    def repeated(self, part: Part) -> Part:
        """Read the quantifier of a part."""
        if match := _COUNTS.match(self.text, self.at):
            self.at = match.end()
            least = int(match[1])
            most = least if not match[2] else int(match[3]) if match[3] else None
        elif self.take("*"):
            least, most = 0, None
        elif self.take("+"):
            least, most = 1, None
        elif self.take("?"):
            least, most = 0, 1
        else:
            return part
        self.take("?")
        if self.is_counted() or max(least, most or 0) > _MOST_COUNT or (most is not None and most < least):
            raise UnportableError
        return Repeated(part, least, most)

    def is_counted(self) -> bool:
        """Return whether a quantifier follows."""
        return self.text[self.at : self.at + 1] in ("*", "+", "?", "{")

    def chars(self, char: str) -> frozenset[str]:
        if char == ".":
            return PRINTABLE
        if char == "[":
            return self.bracket()
        return self.escaped(in_class=False) if char == "\\" else frozenset(char)

    def escaped(self, *, in_class: bool) -> frozenset[str]:
        char = self.one()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return frozenset(_CONTROLS[char])
        if char in "^$\\.*+?()[]{}|/" or (in_class and char == "-"):
            return frozenset(char)
        raise UnportableError

    def bracket(self) -> frozenset[str]:
        negated = self.take("^")
        if self.take("]"):
            raise UnportableError
        found: set[str] = set()
        while not self.take("]"):
            found |= self.member()
        return PRINTABLE - found if negated else frozenset(found)

    def member(self) -> frozenset[str]:
        """Read a character, an escape or a range."""
        char = self.one()
        following = self.text[self.at : self.at + 1]
        if char == "[" or (char in "&~|" and following == char):
            raise UnportableError
        first = self.escaped(in_class=True) if char == "\\" else frozenset(char)
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] == "]":
            return first
        if char == "-":
            raise UnportableError
        self.at += 1
        char = self.one()
        last = self.escaped(in_class=True) if char == "\\" else frozenset(char)
        if len(first) != 1 or len(last) != 1 or char in "-[" or min(first) > min(last):
            raise UnportableError
        return frozenset(map(chr, range(ord(min(first)), ord(min(last)) + 1)))
