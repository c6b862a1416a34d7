"""Findings that an example expects: comments at their lines, or what ``check`` prints.

``# error: [NAME] MESSAGE`` expects a finding at the beginning of the text of its line, and ``# error:28: …`` one in
column 28; ``28-32`` says where it ends, in tests that compare that. A comment that has a line of its own expects one
more in the line above. Comments are no part of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markdown_cases import Section
from overlays import Line

_COMMENT = re.compile(r"(.*?) *# (error|warning|info)(?::([0-9]+)(?:-([0-9]+))?)?: \[([^\]]*)\] (.*)")
_NEARLY = re.compile(r"(?:^| )# *(?:error|warning|info)\b *[:\[]", re.IGNORECASE)
_PRINTED = re.compile(r"(.+?):([0-9]+):([0-9]+): (error|warning|info): (.*) \[([a-z0-9-]+)\]")


@dataclass(frozen=True, order=True)
class Expected:
    """A finding as ``check`` prints it, in the order of a report. The message has its hint."""

    file: str
    line: int
    column: int
    name: str
    message: str
    severity: str
    end_column: int | None = None

    def printed(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.name}]"

    def comment(self, text: str, *, patch: bool = False) -> str:
        """Return the comment that expects this finding at a line of a file."""
        column = "" if self.column == _start(text, patch) else f":{self.column}"
        if self.end_column is not None:
            column = f":{self.column}-{self.end_column}"
        return f"# {self.severity}{column}: [{self.name}] {self.message}"


@dataclass(frozen=True)
class Comment:
    """A finding that is expected at a line of an example."""

    source: int
    column: int
    name: str
    message: str
    severity: str
    end_column: int | None = None

    def at(self, file: str, line: int) -> Expected:
        return Expected(file, line, self.column, self.name, self.message, self.severity, self.end_column)


def split(lines: Iterable[Line], *, patch: bool = False) -> tuple[list[Line], list[Comment]]:
    """Take the comments off the lines; those of a patch begin with a sign."""
    bare: list[Line] = []
    comments: list[Comment] = []
    for line in lines:
        match = _COMMENT.fullmatch(line.text)
        if match is None:
            assert not _NEARLY.search(line.text), f"write `# error: [NAME] MESSAGE` to expect a finding: {line.text}"
            bare.append(line)
            continue
        text, severity, column, end, name, message = match.groups()
        if text or not bare:
            bare.append(Line(text, line.source))
        assert bare[-1].source is not None
        at = int(column) if column else _start(bare[-1].text, patch)
        ends = int(end) if end else None
        comments.append(Comment(bare[-1].source, at, name, message, severity, ends))
    return bare, comments


def parsed(printed: Iterable[str]) -> list[Expected]:
    """Read what ``check`` prints."""
    found = []
    for text in printed:
        match = _PRINTED.fullmatch(text)
        assert match, f"this is no finding as `check` prints it: {text}"
        file, line, column, severity, message, name = match.groups()
        found.append(Expected(file, int(line), int(column), name, message, severity))
    return found


def _start(text: str, patch: bool) -> int:
    """Return the column of the first letter of a line."""
    text = text[1:] if patch else text
    return len(text) - len(text.lstrip(" ")) + 1


def with_comments(line: Line, findings: Sequence[Expected], *, patch: bool = False) -> list[str]:
    """Return the lines that expect findings at a line of a file."""
    first, *further = [finding.comment(line.text, patch=patch) for finding in findings] or [""]
    indent = " " * (_start(line.text, patch) - 1)
    return [f"{line.text}    {first}" if first else line.text, *(f"{indent}{comment}" for comment in further)]


def placed(
    findings: Iterable[Expected], sources: Mapping[tuple[str, int], Line]
) -> tuple[dict[int, list[Expected]], list[Expected]]:
    """Return the findings that can be comments, by the line of the example, and those that cannot.

    ``sources`` has the lines of the example by the lines of the files that they are in.
    """
    comments: dict[int, list[Expected]] = {}
    rest = []
    for finding in findings:
        line = sources.get((finding.file, finding.line))
        if line is None or line.source is None:
            rest.append(finding)
        else:
            comments.setdefault(line.source, []).append(finding)
    return comments, rest


def commented(section: Section, lines: Sequence[str], comments: Mapping[int, Sequence[Expected]]) -> list[str]:
    """Return the lines of a section with these findings in place of the comments in its files."""
    written = {number: [lines[number]] for number in range(section.start, section.end)}
    for block in section.blocks:
        if block.language == "console":
            continue
        patch = block.language == "diff"
        written |= {line.source: [] for line in block.lines if line.source is not None}
        for line in split(block.lines, patch=patch)[0]:
            if line.source is not None:
                written[line.source] = with_comments(line, comments.get(line.source, []), patch=patch)
    return [text for texts in written.values() for text in texts]
