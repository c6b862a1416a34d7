"""What a report format is, a function from findings to text; and what all of them do with the words of strangers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rollout_spec.core.findings import Finding, Report
from rollout_spec.core.text import escape

if TYPE_CHECKING:
    from rollout_spec.checks.explanations import Explanation

SEVERITIES = ("error", "warning", "info")
"""The most severe first."""


@dataclass(frozen=True)
class View:
    """What a format may know besides the report: how it is looked at, and what the findings are about.

    ``lines_of`` gives the lines of a file for excerpts; None where nobody looks. ``root`` is the folder that findings'
    files are relative to, as a ``file://`` URL; None where a terminal shows no links. ``data_of`` gives what a file
    holds, so that an entry of a list is told by its name. ``explain`` gives what is published about a rule or policy.
    """

    lines_of: Callable[[str], Sequence[str]] | None = None
    color: bool = False
    root: str | None = None
    data_of: Callable[[str], Any] | None = None
    explain: Callable[[str], Explanation | None] | None = None


class Reporter(Protocol):
    """One module of this package."""

    def report(self, report: Report, view: View, /) -> str:
        """Return the whole report as text."""


def words(finding: Finding) -> str:
    """Return the message with its hint, in one line."""
    return shown(f"{finding.message}; {finding.hint}" if finding.hint else finding.message)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by severity, then by place: where a reader takes only so many, the worst are among them."""
    return sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), each))


def shown(text: str, but: str = "") -> str:
    """Show characters that would move the cursor or hide text as escapes: messages quote what strangers wrote.

    `##[` begins a command to the runner of a workflow, wherever in a line it stands.
    """
    return escape(text.replace("##[", "\\u0023#["), but)


def json_text(value: Any) -> str:
    """Return JSON without such characters; a parser reads them back as they are.

    Halves of characters are read back as `\\ud800`: no UTF-8 holds them, and many parsers refuse their escapes.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if text.replace("\n", "").isprintable():
        return text + "\n"
    return "".join(each if each == "\n" or each.isprintable() else _in_json(each) for each in text) + "\n"


def _in_json(letter: str) -> str:
    return json.dumps(_escaped(letter) if "\ud800" <= letter <= "\udfff" else letter)[1:-1]


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
