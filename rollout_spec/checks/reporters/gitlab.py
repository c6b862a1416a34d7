"""Findings as a Code Quality report of GitLab, a part of Code Climate's format.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from typing import Any

from rollout_spec.checks.reporters.base import View, json_text, message_with_hint
from rollout_spec.core.findings import Finding, Report

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def report(report: Report, view: View) -> str:
    """Return the findings as a list of GitLab's objects, without silenced ones.

    An object has ``description``, ``check_name``, ``fingerprint``, ``severity`` and ``location``. GitLab compares the
    fingerprints of two branches, and shows new and resolved findings.
    """
    from rollout_spec.checks.reporters.fingerprints import fingerprints

    by_finding = fingerprints([*report.findings, *(each.finding for each in report.silenced)], view.data_of)
    return json_text([_issue(each, by_finding[each]) for each in report.findings])


def _issue(finding: Finding, fingerprint: str) -> dict[str, Any]:
    return {
        "description": message_with_hint(finding),
        "check_name": finding.name,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": finding.file, "lines": {"begin": finding.line, "end": finding.end_line}},
    }
