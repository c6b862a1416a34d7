"""The interface of a report format, and the escaping of text from users that all formats need."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rollout_spec.core.findings import Finding, Report
from rollout_spec.core.text import escape

if TYPE_CHECKING:
    from rollout_spec.checks.explanations import Explanation

SEVERITIES = ("error", "warning", "info")
"""Severities, the most severe first."""
_COMMAND = re.compile(r"#(?=#\w*\[)")


@dataclass(frozen=True)
class View:
    """Further inputs of a format.

    ``lines_of`` returns the lines of a file for excerpts, or is None for output that is not interactive. ``root`` is
    the folder of the findings' files as a ``file://`` URL, or None if the terminal shows no links. ``data_of`` returns
    the data of a file, so that entries of lists are identified by name. ``explain`` returns the explanation of a rule
    or policy.
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


def message_with_hint(finding: Finding) -> str:
    """Return the message with its hint in one line."""
    return shown(f"{finding.message}; {finding.hint}" if finding.hint else finding.message)


def documentation(name: str, view: View) -> str | None:
    """Return the published address of a rule's or policy's explanation, or None if it has none."""
    explanation = view.explain(name) if view.explain else None
    return explanation.url if explanation else None


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by severity, then by position, so that a reader with a limit gets the worst findings."""
    return sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), each))


def shown(text: str, but: str = "") -> str:
    """Escape characters that would move the cursor or hide text: messages may quote text of strangers.

    `##[` and `##vso[` are escaped too: they begin a command to the runner of a workflow, anywhere in a line.
    """
    return escape(_COMMAND.sub(r"\\u0023", text), but)


def json_text(value: Any) -> str:
    """Return JSON with these characters escaped, which a parser reads back unchanged.

    A lone surrogate becomes the text `\\ud800`: UTF-8 cannot hold it, and many parsers refuse its escape.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = _COMMAND.sub(r"\\u0023", text)
    if text.replace("\n", "").isprintable():
        return text + "\n"
    return "".join(each if each == "\n" or each.isprintable() else _in_json(each) for each in text) + "\n"


def _in_json(letter: str) -> str:
    return json.dumps(_escaped(letter) if "\ud800" <= letter <= "\udfff" else letter)[1:-1]


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
