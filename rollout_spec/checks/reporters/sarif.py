"""Findings as SARIF 2.1.0, the format of code scanning: GitHub, GitLab, Azure DevOps and editors read it.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and for what GitHub makes of it
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rollout_spec import __version__
from rollout_spec.checks.reporters.base import View, json_text, shown, words, worst_first
from rollout_spec.core.findings import Finding, Report, Silenced, Skipped

MOST = 25_000
"""GitHub refuses a file with more results than this, and of those keeps 5,000: the worst come first."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_KINDS = {"comment": "inSource", "waiver": "external"}
_ROOT = "%SRCROOT%"


def report(report: Report, view: View) -> str:
    """Return one log with one run: rules, results with their regions and fingerprints, and what was not looked at.

    Lines and columns count from 1, columns in code points, and the end is exclusive. What a comment or a waiver
    silences is a result with a suppression.
    """
    from rollout_spec.checks.reporters.fingerprints import fingerprints

    quiet = {each.finding: each for each in report.silenced}
    found = [*worst_first(report.findings), *worst_first(quiet)]
    known = fingerprints(found, view.data_of)
    names = sorted({each.name for each in found} | {each.name for each in report.skipped})
    results = [_result(each, names, known[each], quiet) for each in found[:MOST]]
    run = {
        "tool": {"driver": _driver(names, view)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the git repository."}}},
        "invocations": [
            {"executionSuccessful": True, "toolConfigurationNotifications": _notifications(report, names, found)}
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
    if "-" in name:  # a name that differs from the id by its case alone is none
        rule["name"] = "".join(map(str.capitalize, name.split("-")))
    explanation = view.explain(name) if view.explain else None
    if explanation is None:  # GitHub asks for these three
        return rule | {word: {"text": name} for word in ("shortDescription", "fullDescription", "help")}
    return rule | {
        "shortDescription": {"text": shown(explanation.summary)},
        "fullDescription": {"text": shown(explanation.body or explanation.summary, but="\n")},
        "help": {"text": shown(explanation.text(), but="\n"), "markdown": shown(explanation.markdown(), but="\n")},
        "defaultConfiguration": {"level": _LEVELS[explanation.severity]},
        **({"helpUri": explanation.url} if explanation.url else {}),
    }


def _result(finding: Finding, names: list[str], fingerprint: str, quiet: dict[Finding, Silenced]) -> dict[str, Any]:
    return {
        "ruleId": finding.name,
        "ruleIndex": names.index(finding.name),
        "level": _LEVELS[finding.severity],
        "message": _message(words(finding)),
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {"structuralPath/v1": fingerprint},
        **({"suppressions": _suppressions(quiet.get(finding))} if quiet else {}),
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
    """Where one result of a run has suppressions, all have them: an empty list says that there is none."""
    if silenced is None:
        return []
    why = f"{silenced.reason} (until {silenced.until})" if silenced.until else silenced.reason
    return [{"kind": _KINDS[silenced.by], "status": "accepted", "justification": shown(why)}]


def _notifications(report: Report, names: list[str], found: list[Finding]) -> list[dict[str, Any]]:
    told = [_notification(each, names) for each in report.skipped]
    if len(found) > MOST:
        left_out = f"{len(found) - MOST} of {len(found)} findings are left out: the format's readers take {MOST}"
        told.append({"level": "warning", "message": _message(left_out)})
    return told


def _notification(skipped: Skipped, names: list[str]) -> dict[str, Any]:
    rule = {"id": skipped.name, "index": names.index(skipped.name)}
    return {"level": "note", "message": _message(f"not run: {skipped.reason}"), "associatedRule": rule}


def _message(text: str) -> dict[str, str]:
    """Write a message so that what a stranger wrote is no link in it: ``[text](place)`` is one in SARIF."""
    return {"text": shown(text).replace("](", "] (")}
