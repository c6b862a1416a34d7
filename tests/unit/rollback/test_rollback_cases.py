"""What a breach leads to, and what people read of it: a case is a folder in ``cases/rollback``, and needs no Python.

A case holds what differs from the workspace in ``cases/rules/_base``, as the cases of rules do; below ``unmerged/`` are
incidents that are on no base yet. ``case.yaml`` has the breaches, of which several are taken back in one commit:

- ``breaches``: each with ``rollout``, and perhaps ``version``, ``trigger``, ``source``, ``observedAt``, ``summary``,
  ``value``, ``url``, and ``also``, which are breaches too; ``undone`` is what git says of the failed version:
  ``since``, ``steps`` and ``kept`` (the subjects of commits, newest first), ``reason``
- ``order``: a person ordered it, ``arm: true`` so that it merges itself
- ``doubted``: known-good versions with an incident on a branch that nobody here built, each with the reason
- ``proof``: how the manifests differ from those of an earlier commit
- ``url``: where the pull request is, so that comments are written too
- ``prefix``: the folder of the workspace in its git repository

It is 10:00 of November 20th, 2026. ``expected.txt`` has the verdict, the pull request, the commit message and the
edits: ``ROLLOUT_SPEC_UPDATE=1`` writes it anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import folders
import pytest
from workspaces import files_in, is_manifest, rendered

from rollout_spec.checks.regressions import new_findings
from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.diff import patch
from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.units import parse_time
from rollout_spec.core.yaml.document import parse
from rollout_spec.rollback import (
    Facts,
    GuardVerdict,
    NoAction,
    NoRollbackTarget,
    OpenIncidents,
    Order,
    Rollback,
    Step,
    UndoneCommits,
    evaluate_guards,
    roll_back,
    roll_back_together,
)
from rollout_spec.rollback.commit import incident_change, rollback_change
from rollout_spec.rollback.edit_limits import edits_beyond_rollback
from rollout_spec.rollback.guards import combine_verdicts
from rollout_spec.rollback.incident import breach_of
from rollout_spec.rollback.pull_request import repeat_comment, step_warning
from rollout_spec.rollback.pull_request_sections import ManifestComparison
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.decide import left_to_a_person
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay

CASES = folders.CASES / "rollback"
NAMES = sorted(path.parent.name for path in CASES.glob("*/case.yaml"))
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
OURS = ("case.yaml", "expected.txt")
UNMERGED = "unmerged/"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SHOWN_ELSEWHERE = {"workspace", "rollout", "breach", "branch", "edits", "undone", "companions"}


def breach_from(data: Mapping[str, Any], number: int = 1) -> Breach:
    observed = parse_time(data["observedAt"]) if "observedAt" in data else NOW - timedelta(minutes=2)
    return Breach(
        f"test-{number}",
        data.get("source", "alertmanager"),
        data["rollout"],
        data.get("version"),
        observed,
        data.get("trigger"),
        evidence=Evidence(data.get("summary", ""), data.get("value"), data.get("url")),
        also=tuple(breach_from({"rollout": data["rollout"], **each}) for each in data.get("also", ())),
    )


def undone_from(data: Mapping[str, Any]) -> UndoneCommits:
    """Return what git says; the id of a commit is that of its subject, in letters that an id may have."""

    def steps(subjects: list[str]) -> tuple[Step, ...]:
        return tuple(Step(subject.encode().hex().ljust(40, "0")[:40], NOW, subject, None, None) for subject in subjects)

    since = parse_time(data["since"]) if "since" in data else None
    return UndoneCommits(steps(data.get("steps", [])), since, data.get("reason"), steps(data.get("kept", [])))


class InGit(Overlay):
    """A tree whose location is in a git repository: names of branches do not tell of the disk of who runs this."""

    @property
    def location(self) -> str:
        return "acme"


class Case:
    """One folder: the workspace, what failed in it, and what the verdict goes by."""

    def __init__(self, name: str) -> None:
        files = files_in(CASES / name)
        self.data: Any = parse(files["case.yaml"]).data
        unmerged = {path.removeprefix(UNMERGED): files[path] for path in files if path.startswith(UNMERGED)}
        self.open_incidents = OpenIncidents(unmerged, self.data.get("doubted", {}))
        own = {path: files[path] for path in files if path not in OURS and not path.startswith(UNMERGED)}
        self.repository = Repository(InGit(rendered(own), {}))
        told = enumerate(self.data["breaches"], 1)
        self.failures = [(breach_from(each, number), undone_from(each.get("undone", {}))) for number, each in told]
        order = self.data.get("order")
        self.order = None if order is None else Order(order["arm"])
        proof = self.data.get("proof")
        self.proof = None if proof is None else ManifestComparison(proof["commit"], proof["diff"])
        self.prefix: str = self.data.get("prefix", "")

    def decide(self) -> Rollback | NoRollbackTarget | NoAction | None:
        if len(self.failures) > 1:
            unmerged = {breach.rollout: self.open_incidents for breach, _ in self.failures}
            return roll_back_together(self.repository, self.failures, unmerged)
        ((breach, undone),) = self.failures
        return roll_back(self.repository, breach, undone, open_incidents=self.open_incidents)

    def judge(self, decision: Rollback | NoRollbackTarget | NoAction) -> GuardVerdict:
        settings = self.repository.settings
        automation = settings.automation if settings else Automation()
        parts = decision.parts if isinstance(decision, Rollback) else (decision,)
        facts = [Facts(split_since=undone.since, served_before=undone.served_before) for _, undone in self.failures]
        return combine_verdicts(
            evaluate_guards(part, breach, known, automation, NOW, order=self.order)
            for part, (breach, _), known in zip(parts, self.failures, facts, strict=True)
        )


def section(title: str, *lines: str) -> str:
    text = "\n".join(lines).rstrip("\n")
    return f"==== {title}\n{text}\n\n"


def told_of(part: Rollback) -> list[str]:
    """Return what a rollback says of itself that the pull request does not show."""
    found = {each.name: getattr(part, each.name) for each in fields(part) if each.name not in SHOWN_ELSEWHERE}
    found |= {"before": part.before.text, "after": part.after.text}
    found["review_reasons"] = "; ".join(map(str, part.review_reasons))
    found["switches"] = "; ".join(map(str, part.switches))
    return [f"{name}: {value}" for name, value in found.items()]


def shown(change: ProposedChange, repository: Repository, prefix: str) -> str:
    start = f"{prefix}/" if prefix else ""
    assert all(path.startswith(start) for path in change.edits)
    patches = [
        f"changed {path}\n"
        if is_manifest(path.removeprefix(start))  # tests/cases/render has their text
        else patch(path, repository.tree.read(path.removeprefix(start)), new)
        for path, new in change.edits.items()
    ]
    head = {
        "branch": change.branch,
        "title": change.title,
        "date": change.date.isoformat(),
        "labels": ", ".join(change.labels),
        "reviewers": ", ".join(change.reviewers),
        "draft": change.draft,
        "merges itself": change.auto_merge,
    }
    return (
        section("pull request", *(f"{key}: {value}" for key, value in head.items()))
        + section("body", change.body)
        + section("commit message", change.message)
        + section("edits", *patches).replace("\r", "␍")
    )


def told_of_rollback(case: Case, decision: Rollback, verdict: GuardVerdict) -> str:
    edits, switched = decision.edits, decision.switched
    brought, stood = new_findings(case.repository, edits, switched=switched, prefix=case.prefix, now=NOW)
    left = left_to_a_person(brought, decision)
    made = rollback_change(
        decision, case.repository, verdict, prefix=case.prefix, existing=stood, remaining=left, comparison=case.proof
    )
    refused = [f"refused: {each.file}:{each.line}: {each.message}" for each in brought if each not in left]
    parts = [section(f"rollback of {part.rollout}", *told_of(part)) for part in decision.parts]
    told = "".join(parts) + section("findings that refuse it", *refused) + shown(made, case.repository, case.prefix)
    if "url" not in case.data:
        return told
    comments = repeat_comment(decision, verdict), step_warning(decision, case.data["url"])
    return told + section("comment on it", comments[0]) + section("comment on a step under way", comments[1])


def told(case: Case) -> str:
    """Return all that is said and written about a breach."""
    try:
        decision = case.decide()
    except UserError as error:
        return section("refused", f"error: {error.message}", f"hint: {error.hint}", f"exit status: {error.status}")
    if decision is None:
        return section("decision", "they cannot be taken back together")
    verdict = case.judge(decision)
    text = section("verdict", verdict.text, f"would hold: {'; '.join(map(str, verdict.held))}")
    if isinstance(decision, Rollback):
        return text + told_of_rollback(case, decision, verdict)
    if isinstance(decision, NoAction) or not decision.edits:
        return text + section("decision", str(decision))
    return text + shown(
        incident_change(decision, case.repository, verdict, prefix=case.prefix), case.repository, case.prefix
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_answered_as_it_was(name: str) -> None:
    answer, expected = told(Case(name)), CASES / name / "expected.txt"
    if UPDATE:
        expected.write_text(answer, encoding="utf-8")
    assert answer.splitlines() == expected.read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_no_rollback_edits_more_than_a_rollback_may(name: str) -> None:
    case = Case(name)
    try:
        decision = case.decide()
    except UserError:
        return
    if isinstance(decision, Rollback):
        assert list(edits_beyond_rollback(decision, case.repository)) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_incident_is_read_back_as_it_was_told_and_quarantines_what_failed(name: str) -> None:
    case = Case(name)
    try:
        decision = case.decide()
    except UserError:
        return
    parts = (
        decision.parts
        if isinstance(decision, Rollback)
        else [decision]
        if isinstance(decision, NoRollbackTarget)
        else []
    )
    for part in parts:
        if not part.edits:
            continue
        after = Repository(Overlay(case.repository.tree, part.edits))
        file = after.incident(part.incident)
        assert file is not None and file.model is not None, file
        spec, breach = file.model.spec, part.breach
        assert file.model.quarantines
        assert (spec.rollout, spec.failed_version, spec.trigger) == (part.rollout, part.failed, breach.trigger)
        assert breach_of(spec).observed_at == breach.observed_at
