"""Decoding of bytes: UTF-8 of a bounded size, without invisible characters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rollout_spec.core.findings import WHOLE_FILE, KeyPath, Severity, Span
from rollout_spec.core.text import excerpt

MAX_BYTES = 1024 * 1024

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_USUAL = bytes(range(0x20, 0x7F)) + b"\t\n\r"  # none is hidden, and most files have no other bytes
_HIDDEN_NAMES = {
    "\x00": "a NUL byte",
    "\x85": "the line break U+0085",
    "\u2028": "the line break U+2028",
    "\u2029": "the line break U+2029",
    "\ufeff": "a byte order mark inside the text",
}
_FOREIGN = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
LINE_BREAK = re.compile(r"\r\n|\n|\r")
_DIRECTIVE = re.compile(r"%(?<![^\r\n]%)[A-Z]+")  # at the start of a line; the `%` comes first, to be found fast


@dataclass(frozen=True)
class YAMLProblem:
    """A problem that makes a text differ from the YAML that this project reads."""

    span: Span
    message: str
    hint: str | None = None
    path: KeyPath = ()
    severity: Severity = "error"


class UnreadableError(Exception):
    """A text that cannot be read, with the problem."""

    def __init__(self, problem: YAMLProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def decode(content: bytes) -> str:
    """Return the text of a file.

    UnreadableError if it is too large, not UTF-8, or holds invisible characters.
    """
    if len(content) > MAX_BYTES:
        raise whole(f"this file has {len(content):,} bytes; the limit is {MAX_BYTES:,}", "split it into several files")
    for mark, encoding in _FOREIGN:
        if content.startswith(mark):
            raise whole(f"this file is {encoding}, but must be UTF-8", "save it as UTF-8")
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        span = span_at(before, len(before))
        raise UnreadableError(YAMLProblem(span, "this is not UTF-8 text", "save the file as UTF-8")) from None
    hidden = _HIDDEN.search(text) if content.translate(None, _USUAL) else None
    if hidden:
        name = _HIDDEN_NAMES.get(hidden[0], f"the invisible character U+{ord(hidden[0]):04X}")
        hint = f'remove it, or write it as an escape in double quotes: "\\u{ord(hidden[0]):04X}"'
        message = f"{name} can hide text from a reviewer"
        hint = "remove it" if hidden[0] == "\0" else hint
        raise UnreadableError(YAMLProblem(span_at(text, hidden.start()), message, hint))
    directive = _DIRECTIVE.search(text)  # libyaml needs quadratic time for many `%TAG` directives
    if directive:
        span = span_at(text, directive.start())
        span = Span(span.line, 1, span.line, len(directive[0]) + 1)
        hint = "remove the line that begins with `%`"
        raise UnreadableError(
            YAMLProblem(span, f"directives such as `{excerpt(directive[0])}` are not supported", hint)
        )
    return text


def span_at(text: str, index: int) -> Span:
    """Return the span of the character at an offset."""
    before = LINE_BREAK.split(text[:index])
    return Span(len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)


def whole(message: str, hint: str) -> UnreadableError:
    """Return the error for a whole file."""
    return UnreadableError(YAMLProblem(WHOLE_FILE, message, hint))


def line_start(text: str, index: int) -> int:
    """Return the offset at which the line of an offset begins, in time proportional to that line."""
    size = 256
    while True:
        low = max(0, index - size)
        begin = max(text.rfind("\n", low, index), text.rfind("\r", low, index)) + 1
        if begin or low == 0:
            return begin
        size *= 4
