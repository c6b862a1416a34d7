"""Findings as a JUnit report: each rule is a test of each file in which it has a finding.

The dialect is that of Jenkins, which GitLab and others read too. One rule and file are the same test in each run, so a
dashboard can show since when it fails.

Source: https://github.com/jenkinsci/xunit-plugin (junit-10.xsd)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from rollout_spec.checks.reporters.base import View, message_with_hint, shown
from rollout_spec.core.findings import Finding, Report, Silenced

_NAME = "rollout-spec"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


class _Test(NamedTuple):
    """``failures`` are errors; ``output`` holds other findings; ``skipped`` is the reason why it did not run."""

    suite: str
    name: str
    failures: tuple[Finding, ...] = ()
    output: tuple[str, ...] = ()
    skipped: str | None = None


def report(report: Report, view: View) -> str:
    """Return a suite for each file. Errors are failures; warnings and silenced findings are output of a passing test.

    Rules that could not run are skipped tests. Some readers refuse a report without tests, so there is always one.
    """
    tests = _tests(report) + [_Test(_NAME, each.name, skipped=each.why) for each in report.skipped]
    suites = groupby(tests or [_Test(_NAME, "check")], lambda test: test.suite)
    body = "".join(_suite(name, list(suite)) for name, suite in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="{_NAME}">\n{body}</testsuites>\n'


def _tests(report: Report) -> list[_Test]:
    silenced = {each.finding: each for each in report.silenced}
    findings = sorted([*report.findings, *silenced], key=lambda each: (each.file, each.name, each))
    tests = []
    for (file, name), group in groupby(findings, lambda each: (each.file, each.name)):
        same = list(group)
        errors = tuple(each for each in same if each.severity == "error" and each not in silenced)
        output = tuple(_line(each, silenced.get(each)) for each in same if each not in errors)
        tests.append(_Test(file, name, errors, output))
    return tests


def _suite(name: str, tests: Sequence[_Test]) -> str:
    failures, skipped = sum(bool(test.failures) for test in tests), sum(test.skipped is not None for test in tests)
    counts = f'tests="{len(tests)}" failures="{failures}" errors="0" skipped="{skipped}"'
    return f'<testsuite name="{_text(name)}" {counts}>\n{"".join(map(_case, tests))}</testsuite>\n'


def _case(test: _Test) -> str:
    body = "" if test.skipped is None else f'<skipped message="{_text(test.skipped)}"/>\n'
    if test.failures:
        rest = f" (and {len(test.failures) - 1} more)" if len(test.failures) > 1 else ""
        message = message_with_hint(test.failures[0]) + rest
        text = "".join(f"{_text(_line(finding))}\n" for finding in test.failures)
        body += f'<failure type="{_text(test.name)}" message="{_text(message)}">{text}</failure>\n'
    if test.output:
        text = "".join(f"{_text(line)}\n" for line in test.output)
        body += f"<system-out>{text}</system-out>\n"
    return f'<testcase name="{_text(test.name)}" classname="{_text(test.suite)}">\n{body}</testcase>\n'


def _line(finding: Finding, silenced: Silenced | None = None) -> str:
    line = f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {message_with_hint(finding)}"
    return f"{line} (silenced by {silenced.by}: {silenced.reason})" if silenced else line


def _text(text: str) -> str:
    """Escape a text for XML. All printable characters are allowed in XML 1.0; others are shown as escapes."""
    return shown(text).translate(_ESCAPES)
