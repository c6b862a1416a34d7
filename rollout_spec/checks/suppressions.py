"""A comment silences a finding: ``# rollout-spec: ignore[NAME] reason``, on its line or on the line above."""

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
    """One comment. ``names`` is empty where it names nothing; ``alone`` says that nothing else stands on its line."""

    names: tuple[str, ...]
    reason: str
    span: Span
    alone: bool


@lru_cache(maxsize=8)  # one file is asked about by its rule, by what reaches its lines, and by what was used
def suppressions(document: Document) -> tuple[Suppression, ...]:
    """Find the comments of a document that was read, in order; a text that looks like one is none."""
    if not document.readable or _MARK not in document.text:
        return ()
    return tuple(_comments(document.text))


def _comments(text: str) -> Iterator[Suppression]:
    scalars = _scalars(text)
    starts = [start for start, _ in scalars]
    begin = 0
    for number, line in enumerate(LINE_BREAK.split(text), 1):
        match = _COMMENT.search(line) if _MARK in line else None
        if match:
            at = begin + match.start()
            before = bisect_right(starts, at) - 1
            if before < 0 or at >= scalars[before][1]:
                names = tuple(name.strip() for name in (match["names"] or "").split(",") if name.strip())
                span = Span(number, match.start() + 1, number, len(line.rstrip()) + 1)
                yield Suppression(names, match["reason"].strip(), span, not line[: match.start()].strip())
        begin += len(line) + (2 if text.startswith("\r\n", begin + len(line)) else 1)


def reach(found: Sequence[Suppression]) -> dict[int, list[Suppression]]:
    """Return which comments reach which line: their own and the next, past comments of the kind that stand alone."""
    reached: dict[int, list[Suppression]] = {}
    past: dict[int, int] = {}  # where a comment that stands alone passes on to
    for each in reversed(found):
        line = each.span.line
        beyond = past.get(line + 1, line + 1)
        if each.alone:
            past[line] = beyond
        for number in (line, beyond):
            reached.setdefault(number, []).append(each)
    return reached


def _scalars(text: str) -> list[tuple[int, int]]:
    """Return where each scalar begins and ends in a text, in order: a ``#`` inside one begins no comment."""
    parser = CParser(text)
    found: list[tuple[int, int]] = []
    while not isinstance(event := parser.get_event(), ev.StreamEndEvent):
        if isinstance(event, ev.ScalarEvent) and event.start_mark and event.end_mark:
            found.append((event.start_mark.index, event.end_mark.index))
    return found
