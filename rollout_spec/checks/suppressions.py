"""Comments that silence findings: ``# rollout-spec: ignore[NAME] reason``, on the same line or above."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from yaml import events as ev

from rollout_spec.core.findings import Span
from rollout_spec.core.yaml.decoding import LINE_BREAK
from rollout_spec.core.yaml.document import Document
from rollout_spec.core.yaml.reader import CParser

_MARK = "rollout-spec:"
_COMMENT = re.compile(
    r"(?:^|(?<=\s))#[ \t]*rollout-spec:[ \t]*ignore(?![\w-])[ \t]*(?:\[(?P<names>[^\]]*)\])?(?P<reason>.*)"
)


@dataclass(frozen=True)
class Suppression:
    """One comment. ``names`` may be empty; ``alone`` means that the line holds nothing else."""

    names: tuple[str, ...]
    reason: str
    span: Span
    alone: bool


@lru_cache(maxsize=8)  # a check needs the comments of one file three times
def suppressions(document: Document) -> tuple[Suppression, ...]:
    """Return the comments of a readable document, in order.

    A similar text inside a scalar is not a comment.
    """
    if not document.readable or _MARK not in document.text:
        return ()
    return tuple(_comments(document.text))


def _comments(text: str) -> Iterator[Suppression]:
    scalars = _scalars(text)
    starts = [start for start, _ in scalars]
    line_start = 0
    for number, line in enumerate(LINE_BREAK.split(text), 1):
        match = _COMMENT.search(line) if _MARK in line else None
        if match:
            start = line_start + match.start()
            preceding = bisect_right(starts, start) - 1
            if preceding < 0 or start >= scalars[preceding][1]:
                names = tuple(name.strip() for name in (match["names"] or "").split(",") if name.strip())
                span = Span(number, match.start() + 1, number, len(line.rstrip()) + 1)
                yield Suppression(names, match["reason"].strip(), span, not line[: match.start()].strip())
        line_start += len(line) + (2 if text.startswith("\r\n", line_start + len(line)) else 1)


def by_line(comments: Sequence[Suppression]) -> dict[int, list[Suppression]]:
    """Return the comments that apply to each line.

    A comment applies to its own line. One that is alone on its line applies to the next one too, after further comments
    of this kind.
    """
    lines: dict[int, list[Suppression]] = {}
    next_line: dict[int, int] = {}  # the line that a comment alone on its line applies to
    for comment in reversed(comments):
        line = comment.span.line
        following = next_line.get(line + 1, line + 1)
        if comment.alone:
            next_line[line] = following
        for number in (line, following):
            lines.setdefault(number, []).append(comment)
    return lines


def _scalars(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each scalar, in order: a ``#`` inside one begins no comment."""
    parser = CParser(text)
    ranges: list[tuple[int, int]] = []
    while not isinstance(event := parser.get_event(), ev.StreamEndEvent):
        if isinstance(event, ev.ScalarEvent) and event.start_mark and event.end_mark:
            ranges.append((event.start_mark.index, event.end_mark.index))
    return ranges
