"""Positions in an expression within a YAML scalar, as lines and columns of the file."""

from __future__ import annotations

from rollout_spec.core.findings import KeyPath, Span
from rollout_spec.core.yaml.document import Document


def span_at(document: Document, path: KeyPath, offset: int, length: int = 1) -> Span:
    """Return the span of ``length`` characters at ``offset`` in the text at ``path``.

    If they cannot be found, it is the span of the whole text. The characters of a scalar other than blanks are in the
    file in the same order, in every style; only escapes in quotes differ.
    """
    event = document.scalar(path)
    whole = document.span(path)
    if event is None:
        return whole
    start_mark, end_mark = event.start_mark, event.end_mark
    assert start_mark is not None and end_mark is not None
    start, end = start_mark.index, end_mark.index
    source = document.text[start:end]
    if event.style in ("|", ">"):
        start += len(source.split("\n", 1)[0])
    elif event.style in ("'", '"'):
        start += 1
    first = _index_of(event.value, offset, document.text, start, end)
    last = _index_of(event.value, min(offset + length, len(event.value)) - 1, document.text, start, end)
    if first is None or last is None or "\n" in document.text[first : last + 1]:
        return whole
    line = document.text.count("\n", 0, first) + 1
    column = first - document.text.rfind("\n", 0, first)
    return Span(line, column, line, column + last + 1 - first)


def _index_of(value: str, offset: int, text: str, start: int, end: int) -> int | None:
    """Return the index in ``text`` of the character at ``offset`` of ``value``.

    If that is a blank, it is the index of the next character that is none.
    """
    at = start
    for index, letter in enumerate(value):
        if letter.isspace():
            continue
        while at < end and text[at].isspace():
            at += 1
        if at >= end or text[at] != letter:
            return None
        if index >= offset:
            return at
        at += 1
    return None
