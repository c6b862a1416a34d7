"""Findings as lines for editors and terminals, with the source line below each on a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

from rollout_spec.checks.reporters.base import SEVERITIES, View, documentation, message_with_hint, shown
from rollout_spec.core.findings import Finding, Report

_WIDEST = 160
_COLORS = {"error": "31", "warning": "33", "info": "36"}


def report(report: Report, view: View) -> str:
    """Return a line ``FILE:LINE:COLUMN: SEVERITY: MESSAGE [NAME]`` for each finding.

    On a terminal the source line and a caret follow. If ``view.root`` is set, the position is a link to the file, and
    the name a link to its published documentation: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda.
    """
    return "".join(_finding(each, view) for each in report.findings)


def summary(report: Report) -> str:
    """Return a summary in one line: ``2 errors, 1 warning in 7 files; 1 silenced by comment``."""
    counts = [(sum(each.severity == word for each in report.findings), word) for word in SEVERITIES]
    parts = [f"{count} {word}{'s' if count > 1 and word != 'info' else ''}" for count, word in counts if count]
    comments = sum(each.by == "comment" for each in report.silenced)
    waivers = [each for each in report.silenced if each.by == "waiver"]
    silenced = [f"{comments} silenced by comment"] if comments else []
    if waivers:
        ends = sorted({each.until for each in waivers if each.until})
        until = f" until {ends[0]}" if len(ends) == 1 else f", the first until {ends[0]}" if ends else ""
        silenced.append(f"{len(waivers)} waived{until}")
    files = f" in {report.files:,} file{'s' if report.files > 1 else ''}" if report.files else ""
    return "; ".join(filter(None, [(", ".join(parts) or "no findings") + files, shown(", ".join(silenced))]))


def _paint(text: str, code: str, view: View) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if view.color else text


def _link(text: str, url: str | None) -> str:
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url else text


def _finding(finding: Finding, view: View) -> str:
    file = f"./{finding.file}" if finding.file.lstrip().startswith("::") else finding.file  # `::` begins a CI command
    position = _link(_paint(f"{shown(file)}:{finding.line}:{finding.column}", "1", view), _file(finding, view))
    severity = _paint(finding.severity, f"1;{_COLORS[finding.severity]}", view)
    if view.lines_of is None:
        return f"{position}: {severity}: {message_with_hint(finding)} [{finding.name}]\n"
    text = f"{position}: {severity}: {shown(finding.message)} [{_link(finding.name, _page(finding, view))}]\n"
    text += _excerpt(finding, view.lines_of(finding.file), view)
    return text + (f"        {_paint('help:', '1;36', view)} {shown(finding.hint)}\n" if finding.hint else "")


def _file(finding: Finding, view: View) -> str | None:
    """Return a link to the line in ripgrep's format for kitty; other terminals open the file at its top."""
    return f"{view.root}/{quote(finding.file, errors='surrogateescape')}#{finding.line}" if view.root else None


def _page(finding: Finding, view: View) -> str | None:
    return documentation(finding.name, view) if view.root else None


def _excerpt(finding: Finding, lines: Sequence[str], view: View) -> str:
    if not 0 < finding.line <= len(lines) or not lines[finding.line - 1].strip():
        return ""
    line = lines[finding.line - 1]
    start = max(0, finding.column - 1 - _WIDEST // 2) if len(line) > _WIDEST else 0
    quoted = line[start : start + _WIDEST]
    column = finding.column - 1 - start
    length = finding.end_column - finding.column if finding.end_line == finding.line else len(quoted) - column
    before = "".join("\t" if letter == "\t" else " " * _width(letter) for letter in quoted[:column])
    marked = sum(_width(letter) for letter in quoted[column : column + length])
    gutter = f"{finding.line:>5} | "
    caret = _paint("^" * max(1, marked), _COLORS[finding.severity], view)
    return f"{gutter}{shown(quoted, but=chr(9))}\n{' ' * 5} | {before}{caret}\n"


def _width(letter: str) -> int:
    """Return the columns of a terminal that a shown character takes."""
    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    escaped = shown(letter)
    return len(escaped) if escaped != letter else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
