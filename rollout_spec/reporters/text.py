"""Findings as lines that editors and terminals can follow, with the source below each where a person is looking."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rollout_spec.finding import Finding, Skipped
from rollout_spec.reporters.reporter import View

_WIDEST = 160
_COLORS = {"error": "31", "warning": "33", "info": "36"}


def report(findings: Sequence[Finding], skipped: Sequence[Skipped], view: View) -> str:
    """Return ``FILE:LINE:COLUMN: SEVERITY: MESSAGE [NAME]`` for each; on a terminal the source line and a caret too."""
    return "".join(_finding(each, view) for each in findings)


def _paint(text: str, code: str, view: View) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if view.color else text


def _finding(finding: Finding, view: View) -> str:
    place = _paint(f"{_shown(finding.file)}:{finding.line}:{finding.column}", "1", view)
    severity = _paint(finding.severity, f"1;{_COLORS[finding.severity]}", view)
    if view.lines_of is None:
        words = f"{finding.message}; {finding.hint}" if finding.hint else finding.message
        return f"{place}: {severity}: {_shown(words)} [{finding.name}]\n"
    text = f"{place}: {severity}: {_shown(finding.message)} [{finding.name}]\n"
    text += _excerpt(finding, view.lines_of(finding.file), view)
    return text + (f"        {_paint('help:', '1;36', view)} {_shown(finding.hint)}\n" if finding.hint else "")


def _excerpt(finding: Finding, lines: Sequence[str], view: View) -> str:
    if not 0 < finding.line <= len(lines) or not lines[finding.line - 1].strip():
        return ""
    line = lines[finding.line - 1]
    start = max(0, finding.column - 1 - _WIDEST // 2) if len(line) > _WIDEST else 0
    shown = line[start : start + _WIDEST]
    column = finding.column - 1 - start
    length = finding.end_column - finding.column if finding.end_line == finding.line else len(shown) - column
    before = "".join("\t" if letter == "\t" else " " * _width(letter) for letter in shown[:column])
    marked = sum(_width(letter) for letter in shown[column : column + length])
    gutter = f"{finding.line:>5} | "
    caret = _paint("^" * max(1, marked), _COLORS[finding.severity], view)
    source = _shown(shown, but="\t")
    return f"{gutter}{source}\n{' ' * 5} | {before}{caret}\n"


def _width(letter: str) -> int:
    """Return how many columns of a terminal a character takes, as it is shown."""
    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    shown = _shown(letter)
    return len(shown) if shown != letter else 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _shown(text: str, but: str = "") -> str:
    """Show characters that would move the cursor or hide text as escapes: messages quote what strangers wrote."""
    return "".join(letter if letter.isprintable() or letter in but else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
