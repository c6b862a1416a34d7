"""Findings as commands to the runner of GitHub Actions, which annotates the lines of a pull request with them.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections import Counter

from rollout_spec.checks.reporters.base import View, shown, words, worst_first
from rollout_spec.core.findings import Finding, Report

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_MOST = 10
"""How many annotations of each kind GitHub shows for one step; all of them stand in its log."""


def report(report: Report, view: View) -> str:
    """Return one ``::error file=…,line=…::…`` for each finding, the worst first, and a notice if some are not shown.

    The words begin with the place, since the log of a step shows nothing else of a command.
    """
    found = worst_first(report.findings)
    return _hidden(found) + "".join(map(_command, found))


def _command(finding: Finding) -> str:
    place = {
        "file": finding.file,
        "line": finding.line,
        "endLine": finding.end_line,
        "col": finding.column,
        **({"endColumn": finding.end_column} if finding.end_line == finding.line else {}),
        "title": finding.name,
    }
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items())
    told = f"{shown(finding.file)}:{finding.line}:{finding.column}: {words(finding)} [{finding.name}]"
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(told)}\n"


def _hidden(found: list[Finding]) -> str:
    """Return a notice of what GitHub leaves out. It comes first, to be among the notices that are shown."""
    counts = Counter(_COMMANDS[each.severity] for each in found)
    counts["notice"] += any(count > _MOST for count in counts.values())
    hidden = sum(max(0, count - _MOST) for count in counts.values())
    told = f"{hidden} of {len(found)} findings are in the log of this step alone: GitHub shows {_MOST} of a kind"
    return f"::notice title=rollout-spec::{told}\n" if hidden else ""


def _data(text: str) -> str:
    return shown(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
