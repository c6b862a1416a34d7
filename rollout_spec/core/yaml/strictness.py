"""Texts that libyaml accepts, but that YAML 1.2 does not allow or interprets differently.

``may_differ`` is quick, and true for few files. Only for those are the tokens examined.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

from yaml import tokens as tk

from rollout_spec.core.findings import MOST_PROBLEMS, Severity, Span
from rollout_spec.core.text import excerpt
from rollout_spec.core.yaml.decoding import YAMLProblem, line_start
from rollout_spec.core.yaml.reader import CParser
from rollout_spec.core.yaml.scalars import quote

# Each pattern begins with a rare character, which makes the search fast.
_comment = re.compile(r"""#(?<=["'\]}\[{,|>:+0-9-]#)""").search
_question = re.compile(r"\?(?<![^\s\[{,:?-]\?)").search
_dash = re.compile(r"-[\],}]").search
_escaped_break = re.compile(r"\\[\r\n]").search
_LINE_BREAK_BEHIND = r"[-+0-9]*[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r)( +[\r\n])?"
_BLOCKS_BY_MARK = {mark: re.compile(re.escape(mark) + _LINE_BREAK_BEHIND) for mark in "|>"}
_BLANK = re.compile(r"[ \t]*(?:[\r\n]|\Z)")
_BREAK = re.compile(r"\r\n|\n|\r")
_BREAK_BEFORE_TEXT = re.compile(r"(?:\r\n|\n|\r)(?![ \t]*[\r\n])")
_HEADER = re.compile(r"[|>]([-+0-9]*)([ \t]*)(#?)[^\r\n]*")
_COMMENT_BELOW = re.compile(r"((?:(?:\r\n|\n|\r) *)*)(?:\r\n|\n|\r)( +)#")
_ESCAPED_BREAK = re.compile(r"(?<!\\)(\\+)(?:\r\n|\n|\r)[ \t]*[\r\n]")
_OPEN = (tk.FlowSequenceStartToken, tk.FlowMappingStartToken)
_CLOSE = (tk.FlowSequenceEndToken, tk.FlowMappingEndToken)
_BLOCKS = (tk.BlockSequenceStartToken, tk.BlockMappingStartToken)
_MAY_DIFFER = {*_OPEN, *_CLOSE, tk.KeyToken}
"""The tokens that are examined, and so are some scalars."""


def may_differ(text: str) -> bool:
    """Return whether other readers may interpret a text differently.

    Brackets and quotes that end on another line than they begin on are not examined here.
    """
    if _comment(text) or _dash(text) or _question(text) or _escaped_break(text):
        return True
    return any(mark in text and _may_differ_in_blocks(text, mark) for mark in "|>")


def _may_differ_in_blocks(text: str, mark: str) -> bool:
    """Return whether other readers may interpret a block scalar differently.

    Readers differ at its start and at the end of the file.
    """
    if not text.endswith(("\n", "\r")):
        return True
    for match in _BLOCKS_BY_MARK[mark].finditer(text):
        start = match.start()
        while text[start - 1] == " ":
            start -= 1
        if match[1] or text[start - 1] in "\r\n":
            return True
    return False


def strictness_problems(text: str) -> list[YAMLProblem]:
    """Return the problems of a text for other readers. libyaml must have read it to its end."""
    return list(islice(_TokenScan(text).problems(), MOST_PROBLEMS + 1))


class _TokenScan:
    """Examines the tokens of a text. ``columns`` are those of the block collections around the token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns = [-1]
        self.brackets = 0
        self.end = 0
        """The offset after the last token that has text."""
        self.line = 0

    def problems(self) -> Iterator[YAMLProblem]:
        text, advance = self.text, CParser(self.text).get_token
        while (token := advance()) is not None:
            kind = token.__class__
            start = token.start_mark.index
            if kind in _BLOCKS:
                self.columns.append(token.start_mark.column)
            elif kind is tk.BlockEndToken:
                self.columns.pop()
            end_mark = token.end_mark
            if end_mark.index == start and kind is not tk.StreamEndToken:
                continue  # a token without text
            if text[self.end : self.end + 1] == "#" and text[self.end - 1 : self.end].strip():
                yield self.comment(self.end)
            if self.brackets and token.start_mark.line > self.line:
                yield from self.continued(start, kind)
            if kind in _MAY_DIFFER or (kind is tk.ScalarToken and _is_examined(token)):
                yield from self.token(token, start)
            self.end, self.line = end_mark.index, end_mark.line

    def token(self, token: Any, start: int) -> Iterator[YAMLProblem]:
        """Yield the problems of one token."""
        kind = token.__class__
        if kind in _OPEN:
            self.brackets += 1
        elif kind in _CLOSE:
            self.brackets -= 1
        elif kind is tk.KeyToken:
            yield self.question_mark(start)
        elif kind is tk.ScalarToken:
            if token.style in ("|", ">"):
                yield from self.block(token, start)
            elif token.plain and token.value == "-" and self.brackets:
                yield self.problem(start, "a single `-` in brackets is not YAML", 'quote it: "-"')
            elif token.end_mark.line > token.start_mark.line:
                for match in _BREAK_BEFORE_TEXT.finditer(self.text, start, token.end_mark.index):
                    yield from self.continued(match.end(), kind)
                if token.style == '"':
                    yield from self.escapes(token)

    def continued(self, index: int, kind: Any) -> Iterator[YAMLProblem]:
        """Check the indentation of a line that continues a value. ``index`` is an offset in that line.

        ``kind`` is that of the token. A bracket may close in the column of its key, as most readers allow. A quoted
        text that continues there is a warning, because older generators write it.
        """
        begin = line_start(self.text, index)
        if _BLANK.match(self.text, begin):
            return
        end = begin
        while self.text[end] == " ":
            end += 1
        column, hint = self.columns[-1], f"indent the line with {_spaces(self.columns[-1] + 1)} or more"
        if end - begin > column or (end - begin == column and kind in _CLOSE):
            return
        if self.text[end] == "\t":
            yield self.problem(end, "this line continues a value, and a tab does not indent it", hint)
        elif end - begin == column > 0 and kind is tk.ScalarToken and not self.brackets:
            message = "other YAML readers refuse a text that continues in the column of its key"
            yield self.problem(end, message, hint, "warning")
        else:
            yield self.problem(end, "this line continues a value, but is not indented more than its key", hint)

    def comment(self, index: int) -> YAMLProblem:
        return self.problem(index, "a `#` directly after a value begins no comment", "write a space before the `#`")

    def question_mark(self, start: int) -> YAMLProblem:
        """Refuse ``? key``, which no command edits, and ``?key`` in brackets, which is text to other readers."""
        if self.text[start + 1 : start + 2].strip():
            match = re.match(r"[^\s,\]}:]*", self.text[start:])
            word = excerpt(match[0]) if match else "?"
            return self.problem(
                start, f"`{word}` is a text to other YAML readers", f"quote it: {quote(word)}", length=len(word)
            )
        return self.problem(start, "a key with a question mark cannot be edited by commands", "write `key: value`")

    def block(self, token: Any, start: int) -> Iterator[YAMLProblem]:
        """Yield the problems at the start and the end of a text that begins with ``|`` or ``>``."""
        header = _HEADER.match(self.text, start)
        assert header is not None
        if header[3] and not header[2]:
            yield self.comment(header.start(3))
        is_last = not self.text[token.end_mark.index :].strip(" ") and not self.text.endswith(("\n", "\r"))
        if is_last and "-" not in header[1] and len(self.text) > header.end():
            hint = f"end the file with a line break, or begin the text with `{header[0][0]}-`"
            yield self.problem(len(self.text) - 1, "this text ends with a line break to other YAML readers", hint)
        if token.start_mark.line > self.line and token.start_mark.column <= self.columns[-1]:
            hint = f"indent the line with {_spaces(self.columns[-1] + 1)} or more"
            yield self.problem(
                start, f"a text that begins with `{header[0][0]}` is not indented more than its key", hint
            )
        comment = _COMMENT_BELOW.match(self.text, header.end())
        if comment and not any(each.isdigit() for each in header[1]):
            widest = max(map(len, _BREAK.split(comment[1])))
            if widest > len(comment[2]):
                message = "this comment is indented less than the blank lines above it, which belong to a text"
                yield self.problem(comment.end(2), message, "remove the spaces of those lines")

    def escapes(self, token: Any) -> Iterator[YAMLProblem]:
        """Yield the backslashes that end a line before an empty one."""
        for match in _ESCAPED_BREAK.finditer(self.text, token.start_mark.index, token.end_mark.index):
            if len(match[1]) % 2:
                at = match.end(1) - 1
                yield self.problem(
                    at, "YAML readers disagree about a backslash before an empty line", "write `\\n` for each line"
                )

    def problem(
        self, index: int, message: str, hint: str, severity: Severity = "error", length: int = 1
    ) -> YAMLProblem:
        line = bisect_right(self.starts, index)
        column = index - self.starts[line - 1] + 1
        return YAMLProblem(Span(line, column, line, column + length), message, hint, severity=severity)

    @cached_property
    def starts(self) -> list[int]:
        """The offsets at which lines begin."""
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]


def _is_examined(token: Any) -> bool:
    """Return whether a scalar has several lines, is a block, or a single dash."""
    return token.end_mark.line > token.start_mark.line or token.style in ("|", ">") or token.value == "-"


def _spaces(number: int) -> str:
    return "1 space" if number == 1 else f"{number} spaces"
