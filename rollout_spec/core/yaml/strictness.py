"""Texts that libyaml reads, and that YAML 1.2 does not allow or reads otherwise.

``may_differ`` is quick, and true of few files: of those alone the tokens are looked at.
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

# Each begins with the letter that is rare, to be found fast.
_comment = re.compile(r"""#(?<=["'\]}\[{,|>:+0-9-]#)""").search
_question = re.compile(r"\?(?<![^\s\[{,:?-]\?)").search
_dash = re.compile(r"-[\],}]").search
_escaped_break = re.compile(r"\\[\r\n]").search
_LINE_BREAK_BEHIND = r"[-+0-9]*[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r)( +[\r\n])?"
_BLOCKS_BY_MARK = {mark: re.compile(re.escape(mark) + _LINE_BREAK_BEHIND) for mark in "|>"}
_BLANK = re.compile(r"[ \t]*(?:[\r\n]|\Z)")
_BREAK = re.compile(r"\r\n|\n|\r")
_HEADER = re.compile(r"[|>]([-+0-9]*)([ \t]*)(#?)[^\r\n]*")
_COMMENT_BELOW = re.compile(r"((?:(?:\r\n|\n|\r) *)*)(?:\r\n|\n|\r)( +)#")
_ESCAPED_BREAK = re.compile(r"(?<!\\)(\\+)(?:\r\n|\n|\r)[ \t]*[\r\n]")
_OPEN = (tk.FlowSequenceStartToken, tk.FlowMappingStartToken)
_CLOSE = (tk.FlowSequenceEndToken, tk.FlowMappingEndToken)
_BLOCKS = (tk.BlockSequenceStartToken, tk.BlockMappingStartToken)


def may_differ(text: str) -> bool:
    """Return whether a text may be read otherwise by others, if its brackets and quotes end on the line they begin."""
    if _comment(text) or _dash(text) or _question(text) or _escaped_break(text):
        return True
    return any(mark in text and _may_differ_in_blocks(text, mark) for mark in "|>")


def _may_differ_in_blocks(text: str, mark: str) -> bool:
    """Return whether a text of many lines may be read otherwise: at its beginning, or at the end of the file."""
    if not text.endswith(("\n", "\r")):
        return True
    for found in _BLOCKS_BY_MARK[mark].finditer(text):
        start = found.start()
        while text[start - 1] == " ":
            start -= 1
        if found[1] or text[start - 1] in "\r\n":
            return True
    return False


def flaws(text: str) -> list[YAMLProblem]:
    """Return what others do not read, or read otherwise, in a text that libyaml reads to its end."""
    return list(islice(_Look(text).flaws(), MOST_PROBLEMS + 1))


class _Look:
    """Goes through the tokens of a text. ``columns`` are those of the block collections around the token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns = [-1]
        self.brackets = 0
        self.end = 0
        """The offset behind the last token that is written."""
        self.line = 0

    def flaws(self) -> Iterator[YAMLProblem]:
        advance = CParser(self.text).get_token
        while (token := advance()) is not None:
            kind = token.__class__
            start = token.start_mark.index
            if kind in _BLOCKS:
                self.columns.append(token.start_mark.column)
            elif kind is tk.BlockEndToken:
                self.columns.pop()
            if token.end_mark.index == start and kind is not tk.StreamEndToken:
                continue  # it is not written
            if self.text[self.end - 1 : self.end].strip() and self.text[self.end : self.end + 1] == "#":
                yield self.comment(self.end)
            if self.brackets and token.start_mark.line > self.line:
                yield from self.continued(start, kind)
            yield from self.token(token, start)
            self.end, self.line = token.end_mark.index, token.end_mark.line

    def token(self, token: Any, start: int) -> Iterator[YAMLProblem]:
        """Look at one token."""
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
                yield self.flaw(start, "a `-` alone in brackets is not YAML", 'quote it: "-"')
            elif token.end_mark.line > token.start_mark.line:
                for found in _BREAK.finditer(self.text, start, token.end_mark.index):
                    yield from self.continued(found.end(), kind)
                if token.style == '"':
                    yield from self.escapes(token)

    def continued(self, index: int, kind: Any) -> Iterator[YAMLProblem]:
        """Look at the indentation of a line on which a value goes on; ``index`` is an offset in that line.

        ``kind`` is that of the token. A bracket may close in the column of its key, as most readers allow; it is a
        warning if a quoted text goes on there, as older generators write it.
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
            yield self.flaw(end, "a tab does not indent a line on which a value goes on", hint)
        elif end - begin == column > 0 and kind is tk.ScalarToken and not self.brackets:
            words = "other YAML readers refuse a text that goes on in the column of its key"
            yield self.flaw(end, words, hint, "warning")
        else:
            yield self.flaw(end, "a value goes on in this line, which is not indented more than its key", hint)

    def comment(self, index: int) -> YAMLProblem:
        return self.flaw(index, "a `#` right behind a value begins no comment", "write a blank before the `#`")

    def question_mark(self, start: int) -> YAMLProblem:
        """Refuse ``? key``, which no command edits, and ``?key`` in brackets, which is a text to others."""
        if self.text[start + 1 : start + 2].strip():
            found = re.match(r"[^\s,\]}:]*", self.text[start:])
            word = excerpt(found[0]) if found else "?"
            return self.flaw(
                start, f"`{word}` is a text to other YAML readers", f"quote it: {quote(word)}", length=len(word)
            )
        return self.flaw(
            start, "a key with a question mark is not edited by commands", "write it without: `key: value`"
        )

    def block(self, token: Any, start: int) -> Iterator[YAMLProblem]:
        """Look at the head and at the end of a text that begins with ``|`` or ``>``."""
        header = _HEADER.match(self.text, start)
        assert header is not None
        if header[3] and not header[2]:
            yield self.comment(header.start(3))
        is_last = not self.text[token.end_mark.index :].strip(" ") and not self.text.endswith(("\n", "\r"))
        if is_last and "-" not in header[1] and len(self.text) > header.end():
            hint = f"end the file with a line break, or begin the text with `{header[0][0]}-`"
            yield self.flaw(len(self.text) - 1, "this text ends with a line break to other YAML readers", hint)
        if token.start_mark.line > self.line and token.start_mark.column <= self.columns[-1]:
            hint = f"indent the line with {_spaces(self.columns[-1] + 1)} or more"
            yield self.flaw(start, f"a text that begins with `{header[0][0]}` is not indented more than its key", hint)
        comment = _COMMENT_BELOW.match(self.text, header.end())
        if comment and not any(each.isdigit() for each in header[1]):
            widest = max(map(len, _BREAK.split(comment[1])))
            if widest > len(comment[2]):
                words = "this comment is indented less than the blank lines above it, which are a text"
                yield self.flaw(comment.end(2), words, "remove the spaces of those lines")

    def escapes(self, token: Any) -> Iterator[YAMLProblem]:
        """Look for a backslash that ends a line before an empty one."""
        for found in _ESCAPED_BREAK.finditer(self.text, token.start_mark.index, token.end_mark.index):
            if len(found[1]) % 2:
                at = found.end(1) - 1
                yield self.flaw(
                    at, "a backslash before an empty line is read in different ways", "write `\\n` for each line"
                )

    def flaw(self, index: int, message: str, hint: str, severity: Severity = "error", length: int = 1) -> YAMLProblem:
        line = bisect_right(self.starts, index)
        column = index - self.starts[line - 1] + 1
        return YAMLProblem(Span(line, column, line, column + length), message, hint, severity=severity)

    @cached_property
    def starts(self) -> list[int]:
        """The offsets at which lines begin."""
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]


def _spaces(number: int) -> str:
    return "1 space" if number == 1 else f"{number} spaces"
