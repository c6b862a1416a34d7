"""Findings as a test report, for whatever shows those: each rule is a test of each file in which it found something.

Of the many dialects this is the one of Jenkins, which GitLab and others read too. The same rule and file are the same
test from run to run, so that a dashboard can say since when it fails.

Source: https://github.com/jenkinsci/xunit-plugin (junit-10.xsd)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from rollout_spec.checks.reporters.base import View, shown, words
from rollout_spec.core.findings import Finding, Report, Silenced

_NAME = "rollout-spec"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


class _Test(NamedTuple):
    """``failures`` are errors; ``output`` is what a test prints that is none; ``skipped`` says why it did not run."""

    suite: str
    name: str
    failures: tuple[Finding, ...] = ()
    output: tuple[str, ...] = ()
    skipped: str | None = None


def report(report: Report, view: View) -> str:
    """Return a suite for each file. Errors are failures; warnings and what is silenced are what a passing test prints.

    Rules that could not run are skipped tests. A report without tests is an error to some readers, so that one passes
    where all is well.
    """
    tests = _tests(report) + [_Test(_NAME, each.name, skipped=each.reason) for each in report.skipped]
    suites = groupby(tests or [_Test(_NAME, "check")], lambda test: test.suite)
    told = "".join(_suite(name, list(suite)) for name, suite in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="{_NAME}">\n{told}</testsuites>\n'


def _tests(report: Report) -> list[_Test]:
    quiet = {each.finding: each for each in report.silenced}
    found = sorted([*report.findings, *quiet], key=lambda each: (each.file, each.name, each))
    tests = []
    for (file, name), group in groupby(found, lambda each: (each.file, each.name)):
        same = list(group)
        errors = tuple(each for each in same if each.severity == "error" and each not in quiet)
        output = tuple(_line(each, quiet.get(each)) for each in same if each not in errors)
        tests.append(_Test(file, name, errors, output))
    return tests


def _suite(name: str, tests: Sequence[_Test]) -> str:
    failures, skipped = sum(bool(test.failures) for test in tests), sum(test.skipped is not None for test in tests)
    counts = f'tests="{len(tests)}" failures="{failures}" errors="0" skipped="{skipped}"'
    return f'<testsuite name="{_text(name)}" {counts}>\n{"".join(map(_case, tests))}</testsuite>\n'


def _case(test: _Test) -> str:
    inside = "" if test.skipped is None else f'<skipped message="{_text(test.skipped)}"/>\n'
    if test.failures:
        more = f" (and {len(test.failures) - 1} more)" if len(test.failures) > 1 else ""
        told = "".join(f"{_text(_line(each))}\n" for each in test.failures)
        inside += (
            f'<failure type="{_text(test.name)}" message="{_text(words(test.failures[0]) + more)}">{told}</failure>\n'
        )
    if test.output:
        told = "".join(f"{_text(line)}\n" for line in test.output)
        inside += f"<system-out>{told}</system-out>\n"
    return f'<testcase name="{_text(test.name)}" classname="{_text(test.suite)}">\n{inside}</testcase>\n'


def _line(finding: Finding, silenced: Silenced | None = None) -> str:
    told = f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {words(finding)}"
    return f"{told} (silenced by {silenced.by}: {silenced.reason})" if silenced else told


def _text(text: str) -> str:
    """Write a text for XML. What XML 1.0 forbids is shown as an escape: all that can be printed is allowed."""
    return shown(text).translate(_ESCAPES)
