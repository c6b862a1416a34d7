"""Findings as one JSON object for programs; ``version`` changes when a field changes its meaning."""

from __future__ import annotations

from typing import Any

from rollout_spec.checks.reporters.base import View, documentation, json_text
from rollout_spec.core.findings import Finding, Report

VERSION = 1


def report(report: Report, view: View) -> str:
    """Return ``{"version", "findings", "skipped"}``, and ``"silenced"`` if there are silenced findings.

    ``"unexamined"`` is the number of rollouts that were left out, if any.
    ``"documentation"`` has the address of the explanation of each rule with a finding, if there is one.
    Lines and columns count from 1, columns in code points.
    """
    data: dict[str, Any] = {
        "version": VERSION,
        "findings": [_finding(each) for each in report.findings],
        "skipped": [{"name": each.name, "why": each.reason} for each in report.skipped],
    }
    if report.unexamined:
        data["unexamined"] = report.unexamined
    if report.silenced:
        data["silenced"] = [
            {**_finding(each.finding), "by": each.by, "reason": each.reason, "until": each.until}
            for each in report.silenced
        ]
    names = sorted({each.name for each in (*report.findings, *(each.finding for each in report.silenced))})
    pages = {name: page for name in names if (page := documentation(name, view))}
    return json_text({**data, "documentation": pages} if pages else data)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
        "path": list(finding.path),
        "severity": finding.severity,
        "name": finding.name,
        "message": finding.message,
        "hint": finding.hint,
    }
