"""Findings as a JUnit report: each rule is a test of each file in which it has a finding.

The dialect is that of Jenkins, which GitLab and others read too. One rule and file are the same test in each run, so a
dashboard can show since when it fails.

Source: https://github.com/jenkinsci/xunit-plugin (junit-10.xsd)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rollout_spec.checks.reporters.base import View, documentation, message_with_hint, shown
from rollout_spec.core.findings import Finding, Report, Silenced

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NAME = "rollout-spec"


class _Test(NamedTuple):
    """A test of a report: ``failures`` are errors, ``output`` has other findings.

    ``skipped`` is the reason why it did not run.
    """

    suite: str
    name: str
    failures: tuple[Finding, ...] = ()
    output: tuple[str, ...] = ()
    skipped: str | None = None


def report(report: Report, view: View) -> str:
    """Return a suite for each file.

    Errors are failures; warnings and silenced findings are output of a passing test. Rules that could not run are
    skipped tests. Some readers refuse a report without tests, so there is always one.
    """
    from xml.etree import ElementTree  # 2 ms that the other formats do without

    tests = _tests(report) + [_Test(_NAME, each.name, skipped=each.reason) for each in report.skipped]
    root = ElementTree.Element("testsuites", name=_NAME)
    for name, suite in groupby(tests or [_Test(_NAME, "check")], lambda test: test.suite):
        _suite(root, name, list(suite), view)
    ElementTree.indent(root, space="")
    return f"{ElementTree.tostring(root, 'UTF-8', xml_declaration=True).decode()}\n"


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


def _suite(root: Element, name: str, tests: Sequence[_Test], view: View) -> None:
    counts = {
        "tests": len(tests),
        "failures": sum(bool(test.failures) for test in tests),
        "errors": 0,
        "skipped": sum(test.skipped is not None for test in tests),
    }
    suite = _add(root, "testsuite", name=name, **{key: str(count) for key, count in counts.items()})
    for test in tests:
        _case(suite, test, view)


def _case(suite: Element, test: _Test, view: View) -> None:
    case = _add(suite, "testcase", name=test.name, classname=test.suite)
    if test.skipped is not None:
        _add(case, "skipped", message=test.skipped)
    if test.failures:
        more = f" (and {len(test.failures) - 1} more)" if len(test.failures) > 1 else ""
        message = message_with_hint(test.failures[0]) + more
        page = documentation(test.name, view)
        lines = [*map(_line, test.failures), *([page] if page else [])]
        _add(case, "failure", lines, type=test.name, message=message)
    if test.output:
        _add(case, "system-out", test.output)


def _line(finding: Finding, silenced: Silenced | None = None) -> str:
    line = f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {message_with_hint(finding)}"
    return f"{line} (silenced by {silenced.by}: {silenced.reason})" if silenced else line


def _add(parent: Element, tag: str, lines: Sequence[str] = (), **attributes: str) -> Element:
    """Add an element that holds lines of text.

    ElementTree writes what XML 1.0 forbids as it is: it is shown as an escape here, and all that can be printed is
    allowed.
    """
    element = parent.makeelement(tag, {name: shown(value) for name, value in attributes.items()})
    element.text = "".join(f"{shown(line)}\n" for line in lines) or None
    parent.append(element)
    return element
