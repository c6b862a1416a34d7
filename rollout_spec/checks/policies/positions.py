"""An expression stands in a YAML scalar, plain, quoted or as a block: a fault in it is at a line of that file."""

from __future__ import annotations

from rollout_spec.core.findings import KeyPath, Span
from rollout_spec.core.yaml.document import Document


def place(document: Document, path: KeyPath, offset: int, length: int = 1) -> Span:
    """Return the place of ``length`` characters at ``offset`` in the text at ``path``; of all of it where nobody knows.

    The characters of a scalar that are no blanks stand in the file in the same order, whatever its style; only escapes
    in quotes change that.
    """
    event = document.scalar(path)
    whole = document.span(path)
    if event is None:
        return whole
    begins, ends = event.start_mark, event.end_mark
    assert begins is not None and ends is not None
    start, end = begins.index, ends.index
    written = document.text[start:end]
    if event.style in ("|", ">"):
        start += len(written.split("\n", 1)[0])
    elif event.style in ("'", '"'):
        start += 1
    begin = _same(event.value, offset, document.text, start, end)
    last = _same(event.value, min(offset + length, len(event.value)) - 1, document.text, start, end)
    if begin is None or last is None or "\n" in document.text[begin : last + 1]:
        return whole
    line = document.text.count("\n", 0, begin) + 1
    column = begin - document.text.rfind("\n", 0, begin)
    return Span(line, column, line, column + last + 1 - begin)


def _same(value: str, offset: int, text: str, start: int, end: int) -> int | None:
    """Return where in ``text`` the character of ``value`` at ``offset`` stands, or the next one that is no blank."""
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
