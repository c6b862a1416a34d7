"""Findings as workflow commands of GitHub Actions, which annotate the lines of a pull request.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections import Counter

from rollout_spec.checks.reporters.base import View, message_with_hint, shown, worst_first
from rollout_spec.core.findings import Finding, Report

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_MOST = 10
"""The annotations of each kind that GitHub shows for one step; its log has all of them."""


def report(report: Report, view: View) -> str:
    """Return a line ``::error file=…,line=…::…`` for each finding, the worst first.

    A notice follows if some are not shown. The message begins with the position, because the log of a step shows only
    the message of a command.
    """
    findings = worst_first(report.findings)
    return _hidden(findings) + "".join(map(_command, findings))


def _command(finding: Finding) -> str:
    values = {
        "file": finding.file,
        "line": finding.line,
        "endLine": finding.end_line,
        "col": finding.column,
        **({"endColumn": finding.end_column} if finding.end_line == finding.line else {}),
        "title": finding.name,
    }
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in values.items())
    message = f"{shown(finding.file)}:{finding.line}:{finding.column}: {message_with_hint(finding)} [{finding.name}]"
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(message)}\n"


def _hidden(findings: list[Finding]) -> str:
    """Return a notice about findings that GitHub leaves out. It comes first, so that GitHub shows it."""
    counts = Counter(_COMMANDS[finding.severity] for finding in findings)
    counts["notice"] += any(count > _MOST for count in counts.values())
    hidden = sum(max(0, count - _MOST) for count in counts.values())
    message = f"{hidden} of {len(findings)} findings are only in the log of this step: GitHub shows {_MOST} of a kind"
    return f"::notice title=rollout-spec::{message}\n" if hidden else ""


def _data(text: str) -> str:
    return shown(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
