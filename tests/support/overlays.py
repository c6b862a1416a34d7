"""Lines of an example, laid over the text of a file: every other byte of it stays as it is.

Lines of YAML go key by key. A line whose value is on it takes the place of the key's lines, and one without a value
leads deeper. ``key: null`` removes a key. A new key goes behind the one above it, else to the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

_KEY = re.compile(r"""( *)("[^"]*"|'[^']*'|[^\s"'#\[\]{},-][^:#]*?):(?: +(.*))?$""")
_NULL = re.compile(r"null *(?:#.*)?$")
_QUOTED_OR_BRACKET = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|[\[{]|[]}]|,""")


@dataclass(frozen=True)
class Line:
    """A line of a file, without its end. ``source`` is the number of the line of the example that it comes from."""

    text: str
    source: int | None = None


@dataclass(frozen=True)
class Entry:
    """A key with its lines: the comments above it, the line that it is on, and what is below it."""

    key: str
    value: str
    comments: tuple[Line, ...]
    head: Line
    body: tuple[Line, ...] = ()

    def lines(self) -> list[Line]:
        return [*self.comments, self.head, *self.body]

    def is_null(self) -> bool:
        return _NULL.match(self.value) is not None

    def is_block(self) -> bool:
        """Return whether it is a mapping of which each key has a line of its own."""
        first = next((line.text.strip() for line in self.body if not _is_comment(line)), "")
        return not self.value and _KEY.match(first) is not None


def lines_of(text: str) -> list[Line]:
    """Split the text of a file."""
    return [Line(line) for line in text.removesuffix("\n").split("\n")]


def text_of(lines: Iterable[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def entries(lines: Sequence[Line]) -> list[Entry]:
    """Split the lines of a mapping by its keys."""
    found: list[Entry] = []
    comments: list[Line] = []
    indent = next((_indent(line) for line in lines if not _is_comment(line)), 0)
    for line in lines:
        if _is_comment(line) and (_indent(line) <= indent or not found):
            comments.append(line)
        elif _is_comment(line) or _indent(line) > indent:
            found[-1] = replace(found[-1], body=(*found[-1].body, *comments, line))
            comments = []
        else:
            match = _KEY.match(line.text)
            assert match and _indent(line) == indent, f"this is no key of the mapping around it: {line.text}"
            value = match[3] or ""
            found.append(Entry(match[2], "" if value.startswith("#") else value, tuple(comments), line))
            comments = []
    if found:
        found[-1] = replace(found[-1], body=(*found[-1].body, *comments))
    return found


def laid_over(below: Sequence[Line], over: Sequence[Line]) -> list[Line]:
    """Lay the lines of one mapping over those of another."""
    result = entries(below)
    last = -1
    for entry in entries(over):
        index = next((index for index, each in enumerate(result) if each.key == entry.key), None)
        if index is None and not entry.is_null():
            last += 1
            result.insert(last, entry)
        elif index is not None and entry.is_null():
            del result[index]
            last = index - 1
        elif index is not None:
            result[index] = _merged(result[index], entry)
            last = index
    return [line for entry in result for line in entry.lines()]


def _merged(below: Entry, over: Entry) -> Entry:
    if not below.is_block():
        return over
    if over.value.startswith("{"):
        indent = " " * _indent(next(line for line in below.body if not _is_comment(line)))
        lines = [Line(f"{indent}{item}") for item in _items(over.value)]
        return replace(below, body=tuple(laid_over(below.body, lines)))
    if over.value or (over.body and not over.is_block()):
        return over
    return replace(over, body=tuple(laid_over(below.body, over.body)))


def _items(value: str) -> list[str]:
    """Split a mapping in braces by the commas between its keys."""
    depth, start, items = 0, 1, []
    for match in _QUOTED_OR_BRACKET.finditer(value):
        depth += (match[0] in ("[", "{")) - (match[0] in ("]", "}"))
        if (match[0] == "," and depth == 1) or (depth == 0 and match[0] == "}"):
            items.append(value[start : match.start()].strip())
            start = match.end()
    return [item for item in items if item]


def _indent(line: Line) -> int:
    return len(line.text) - len(line.text.lstrip(" "))


def _is_comment(line: Line) -> bool:
    return line.text.lstrip()[:1] in ("", "#")


def patched(lines: Sequence[Line], patch: Sequence[Line]) -> list[Line]:
    """Apply a patch that has no line numbers.

    What a hunk takes away, and its context, stand in the text just once. Hunks are parted by ``@@``.
    """
    result, hunk = list(lines), list[Line]()
    for line in (*patch, Line("@@")):
        if line.text != "@@":
            hunk.append(line)
            continue
        old = [each.text[1:] for each in hunk if each.text[:1] in (" ", "-")]
        new = [Line(each.text[1:], each.source) for each in hunk if each.text[:1] in (" ", "+")]
        texts = [each.text for each in result]
        starts = [start for start in range(len(texts)) if texts[start : start + len(old)] == old]
        assert old and len(starts) == 1, f"this stands {len(starts)} times in the text:\n" + "\n".join(old)
        result[starts[0] : starts[0] + len(old)] = new
        hunk = []
    return result
