"""Findings as SARIF 2.1.0, the format of code scanning.

GitHub, GitLab, Azure DevOps and editors read it.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and for GitHub
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rollout_spec import __version__
from rollout_spec.checks.reporters.base import View, json_text, message_with_hint, shown, worst_first
from rollout_spec.core.findings import Finding, Report, Silenced, Skipped

MOST = 25_000
"""The most results that GitHub accepts. It keeps 5,000 of them, so the worst come first."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_KINDS = {"comment": "inSource", "waiver": "external"}
_ROOT = "%SRCROOT%"


def report(report: Report, view: View) -> str:
    """Return one log with one run: rules, results with regions and fingerprints, and skipped rules.

    Lines and columns count from 1, columns in code points, and the end is exclusive. A silenced finding is a result
    with a suppression.
    """
    from rollout_spec.checks.reporters.fingerprints import fingerprints

    silenced = {each.finding: each for each in report.silenced}
    findings = [*worst_first(report.findings), *worst_first(silenced)]
    by_finding = fingerprints(findings, view.data_of)
    names = sorted({each.name for each in findings} | {each.name for each in report.skipped})
    results = [_result(each, names, by_finding[each], silenced) for each in findings[:MOST]]
    run = {
        "tool": {"driver": _driver(names, view)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the git repository."}}},
        "invocations": [
            {"executionSuccessful": True, "toolConfigurationNotifications": _notifications(report, names, findings)}
        ],
        "results": results,
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(names: list[str], view: View) -> dict[str, Any]:
    from rollout_spec.checks.explanations import homepage

    address = homepage()
    return {
        "name": "rollout-spec",
        "semanticVersion": __version__,
        **({"informationUri": address} if address else {}),
        "rules": [_rule(name, view) for name in names],
    }


def _rule(name: str, view: View) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name}
    if "-" in name:  # SARIF forbids a name that differs from the id only in case
        rule["name"] = "".join(map(str.capitalize, name.split("-")))
    explanation = view.explain(name) if view.explain else None
    if explanation is None:  # GitHub requires these three
        return rule | {word: {"text": name} for word in ("shortDescription", "fullDescription", "help")}
    return rule | {
        "shortDescription": {"text": shown(explanation.summary)},
        "fullDescription": {"text": shown(explanation.body or explanation.summary, but="\n")},
        "help": {"text": shown(explanation.text(), but="\n"), "markdown": shown(explanation.markdown(), but="\n")},
        "defaultConfiguration": {"level": _LEVELS[explanation.severity]},
        **({"helpUri": explanation.url} if explanation.url else {}),
    }


def _result(finding: Finding, names: list[str], fingerprint: str, silenced: dict[Finding, Silenced]) -> dict[str, Any]:
    return {
        "ruleId": finding.name,
        "ruleIndex": names.index(finding.name),
        "level": _LEVELS[finding.severity],
        "message": _message(message_with_hint(finding)),
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {"structuralPath/v1": fingerprint},
        **({"suppressions": _suppressions(silenced.get(finding))} if silenced else {}),
    }


def _place(finding: Finding) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": quote(finding.file, errors="surrogateescape"), "uriBaseId": _ROOT},
        "region": {
            "startLine": finding.line,
            "startColumn": finding.column,
            "endLine": finding.end_line,
            "endColumn": finding.end_column,
        },
    }


def _suppressions(silenced: Silenced | None) -> list[dict[str, str]]:
    """Return the suppressions of a result.

    If one result of a run has them, all do: without any, an empty list.
    """
    if silenced is None:
        return []
    why = f"{silenced.reason} (until {silenced.until})" if silenced.until else silenced.reason
    return [{"kind": _KINDS[silenced.by], "status": "accepted", "justification": shown(why)}]


def _notifications(report: Report, names: list[str], findings: list[Finding]) -> list[dict[str, Any]]:
    notifications = [_notification(each, names) for each in report.skipped]
    if len(findings) > MOST:
        left_out = (
            f"{len(findings) - MOST} of {len(findings)} findings are left out: readers of SARIF accept at most {MOST}"
        )
        notifications.append({"level": "warning", "message": _message(left_out)})
    return notifications


def _notification(skipped: Skipped, names: list[str]) -> dict[str, Any]:
    rule = {"id": skipped.name, "index": names.index(skipped.name)}
    return {"level": "note", "message": _message(f"not run: {skipped.reason}"), "associatedRule": rule}


def _message(text: str) -> dict[str, str]:
    """Return a message in which text of strangers is not a link: in SARIF ``[text](place)`` is one."""
    return {"text": shown(text).replace("](", "] (")}
