"""What each rule finds and lets pass: a case is a folder in ``cases/rules/<rule>``, and a new one needs no Python.

A case holds what differs from the workspace in ``cases/rules/_base``: whole files, ``<file>.diff`` (a patch that has no
line numbers, its hunks parted by ``@@``), ``deleted.txt`` (the names of files that are gone) and ``links.txt`` (the
names of links, which a checkout need not be able to make). Below ``before/`` is what differs from it on the base
branch, and below ``elsewhere/<name>/`` what differs from it in another workspace of the same git repository, of that
name: ``../<name>`` from the one under check, ``before/elsewhere/<name>/`` on the base branch.
Manifests are rendered anew; a case may lay its own over them. ``arguments.txt`` has arguments of ``check``: paths, and
``--base main`` where the base branch is ``_base`` as it is. It is noon of December 1st, 2026 then.
``expected.txt`` is what ``check`` prints, and empty where the case passes: ``ROLLOUT_SPEC_UPDATE=1`` writes it anew.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from workspaces import BASE, Files, files_in, rendered, specs

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.checks.rules import LAST, RULES
from rollout_spec.checks.runner import check, is_sound
from rollout_spec.core.findings import Report
from rollout_spec.workflows.check import review
from rollout_spec.workspace.repository import Repository

CASES = BASE.parent
FOLDERS = [folder for folder in CASES.glob("*/*") if folder.is_dir() and BASE not in folder.parents]
NAMES = sorted(folder.relative_to(CASES).as_posix() for folder in FOLDERS)
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
OURS = ("arguments.txt", "expected.txt")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One folder. ``before`` is None where nothing is compared with a base."""

    rule: str
    after: Files
    before: Files | None
    paths: list[str] | None


def case_of(name: str) -> Case:
    files, rule = files_in(CASES / name), name.partition("/")[0]
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--base")
    arguments = parser.parse_args(files.get("arguments.txt", b"").decode().split())
    before = {path.removeprefix("before/"): files.pop(path) for path in list(files) if path.startswith("before/")}
    compared = bool(before) or arguments.base is not None or RULES[rule].NEEDS == "base"
    after = {path: content for path, content in files.items() if path not in OURS}
    return Case(rule, after, before if compared else None, arguments.paths or None)


def report_of(case: Case) -> Report:
    """Do what the command ``check`` does: with the proof of the way back, where there is a whole workspace for it."""
    repository = Repository(rendered(case.after))
    make = rendered if case.rule in LAST else specs  # the others do not look at the base's manifests
    base = None if case.before is None else Repository(make(case.before))
    if case.paths or not (repository.workspace and is_sound(repository.workspace, repository)):
        return check(repository, paths=case.paths, base=base, now=NOW)
    return review(repository, base=base, now=NOW)


def text_of(report: Report) -> str:
    return REPORTERS["text"].report(report, View())


@pytest.mark.parametrize("name", NAMES)
def test_a_case_has_its_findings_and_no_others(name: str) -> None:
    case, expected = case_of(name), CASES / name / "expected.txt"
    report = report_of(case)
    if UPDATE:
        expected.write_text(text_of(report), encoding="utf-8")
    assert text_of(report).splitlines() == expected.read_text("utf-8").splitlines()
    assert all(isinstance(finding.path, tuple) for finding in report.findings)
    assert case.rule not in {skipped.name for skipped in report.skipped}, "it passes since the rule did not run"
    assert case.rule in {finding.name for finding in report.findings} or not report.failed, "it is another rule's case"


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_cases_that_fail_and_cases_that_pass(rule: str) -> None:
    told = [(CASES / name / "expected.txt").read_text("utf-8") for name in NAMES if name.startswith(f"{rule}/")]
    assert {f" [{rule}]\n" in text for text in told} == {True, False}


def test_every_folder_is_that_of_a_rule() -> None:
    assert {folder.name for folder in CASES.iterdir()} == {*RULES, BASE.name}


def test_the_base_workspace_passes_all_rules() -> None:
    tree = rendered({})
    report = review(Repository(tree), base=Repository(tree))
    assert report.findings == ()
    assert report.skipped == ()
