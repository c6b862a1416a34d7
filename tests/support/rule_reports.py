"""The report on the files of a case, and its findings."""

from __future__ import annotations

from datetime import UTC, datetime

from expected_findings import Expected, parsed
from rule_cases import Case
from workspaces import rendered, specs

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.checks.rules import LAST
from rollout_spec.checks.runner import check, is_sound
from rollout_spec.core.findings import Report
from rollout_spec.workflows.check import review
from rollout_spec.workspace.repository import Repository

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def report_of(case: Case) -> Report:
    """Do what the command ``check`` does: with the proof of the way back, if there is a whole workspace for it."""
    repository = Repository(rendered(case.after))
    make = rendered if case.rule in LAST else specs  # the others do not look at the base's manifests
    base = None if case.before is None else Repository(make(case.before))
    if case.paths or not (repository.workspace and is_sound(repository.workspace, repository)):
        return check(repository, paths=case.paths, base=base, now=NOW)
    return review(repository, base=base, now=NOW)


def findings_of(report: Report) -> list[Expected]:
    return parsed(REPORTERS["text"].report(report, View()).splitlines())
