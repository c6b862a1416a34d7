"""What each rule finds and lets pass: a case is a section of ``cases/rules/<rule>.md``, and a new one needs no Python.

``rule_cases`` has the form of a case. It is noon of December 1st, 2026. ``ROLLOUT_SPEC_UPDATE=1`` writes the findings
into the page.
"""

from __future__ import annotations

import inspect
import os
import re
import sys

import pytest
from rule_cases import CASES, rule_cases, update
from rule_reports import NOW, findings_of, report_of
from workspaces import BASE, rendered, specs

from rollout_spec.checks.rules import COMPARING, RULES, Subject, pause_current
from rollout_spec.core.findings import KeyPath
from rollout_spec.spec.kinds import PAUSE, PAUSE_FILE
from rollout_spec.workflows.check import review
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository

RULE_CASES = rule_cases()
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"


@pytest.mark.parametrize("name", RULE_CASES)
def test_a_case_has_its_findings_and_no_others(name: str) -> None:
    rule_case = RULE_CASES[name]
    case = rule_case.case()
    report = report_of(case)
    findings = findings_of(report)
    if UPDATE:
        rule_case = update(rule_case, findings)
    expected = [finding.printed() for finding in rule_case.expected()]
    assert [finding.printed() for finding in findings] == expected
    assert all(isinstance(finding.path, tuple) for finding in report.findings)
    assert case.rule not in {skipped.name for skipped in report.skipped}, "it passes since the rule did not run"
    assert case.rule in {finding.name for finding in report.findings} or not report.failed, "it is another rule's case"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("schema/component-serves-a-version-twice", ("spec", "serving", 2)),
        ("schema/known-good-holds-a-version-twice", ("spec", "live", "knownGood", 2)),
        ("stages-ascend/ends-without-a-weight", ("spec", "stages", 0)),
        ("stages-ascend/less-than-before", ("spec", "stages", 2, "weight")),
        ("stages-ascend/shadow-after-traffic", ("spec", "stages", 1)),
    ],
)
def test_a_finding_has_the_path_of_what_is_in_the_file(name: str, path: KeyPath) -> None:
    assert [finding.path for finding in report_of(RULE_CASES[name].case()).findings] == [path]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("policies-sound/expression-that-begins-badly", ["]"]),
        ("policies-sound/fields-that-are-not-there-in-one-expression", ["stagse", "livee"]),
    ],
)
def test_a_finding_ends_behind_the_word_that_is_wrong(name: str, words: list[str]) -> None:
    case = RULE_CASES[name].case()
    lines = {path: content.decode().splitlines() for path, content in case.after.items()}
    found = report_of(case).findings
    assert [lines[each.file][each.line - 1][each.column - 1 : each.end_column - 1] for each in found] == words


@pytest.mark.parametrize("folder", ["", "./", "../", "../../"], ids=lambda folder: f"pause-current/in {folder or '.'}")
def test_a_pause_is_looked_for_in_the_workspace_and_in_folders_around_it(folder: str) -> None:
    file = read_file(f"{folder}{PAUSE_FILE}", PAUSE, b"reason: the cluster is being moved\nexpires: 2026-12-31\n")
    assert file.model is not None
    assert list(pause_current.check(Subject(file, Repository(specs({})), now=NOW))) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_cases_that_fail_and_cases_that_pass(rule: str) -> None:
    expected = [case.expected() for case in RULE_CASES.values() if case.rule == rule]
    assert {rule in {finding.name for finding in findings} for findings in expected} == {True, False}


def test_every_page_is_that_of_a_rule() -> None:
    assert {path.name for path in CASES.iterdir()} == {*(f"{rule}.md" for rule in RULES), BASE.name}


def test_the_base_workspace_passes_all_rules() -> None:
    tree = rendered({})
    report = review(Repository(tree), base=Repository(tree))
    assert report.findings == ()
    assert report.skipped == ()


@pytest.mark.parametrize("rule", RULES)
def test_only_rules_that_are_listed_look_at_the_base_or_the_time(rule: str) -> None:
    module = RULES[rule]
    source = inspect.getsource(sys.modules[module.__name__])
    looks = re.search(r"\bsubject\.(base|before|now)\b", source) is not None
    assert looks == (rule in COMPARING), "the others are given neither, and run once for equal files"
