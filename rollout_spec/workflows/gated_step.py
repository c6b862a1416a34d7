"""A step that depends on the gate, prepared on the newest base or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import one_line
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import TriggerVerdict
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle import Request, apply_step
from rollout_spec.lifecycle.gated import Missing, missing_approvals, missing_conditions
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.base_branch import Base, forge_of
from rollout_spec.workflows.gate import GateRequest, judge
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.merge_times import KeptMergeTimes, MergedAt, merge_times
from rollout_spec.workflows.newest import fetch_base
from rollout_spec.workflows.open_quarantine import open_quarantine
from rollout_spec.workflows.prometheus import NoSource, Source, connect
from rollout_spec.workflows.respond import BreachResponse, FailedResponse, Responder, respond_to_all
from rollout_spec.workflows.stage_history import StageHistory
from rollout_spec.workflows.step_in_checkout import StepOptions
from rollout_spec.workflows.step_in_pull_request import StepInPullRequest, prepare_on_base

SOURCE = "gate"
"""The source of breaches that the gate reports."""
_LONGEST = 300


@dataclass(frozen=True)
class GatedStep:
    """A gated step on a base: the report of the gate, and the step, or the conditions that are missing."""

    report: GateReport
    step: StepInPullRequest | None = None
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class GatedBase:
    """The newest base of a workspace, and the Prometheus that tells about it.

    ``merges`` and ``history`` are the answers of the forge and of git to earlier passes.
    """

    base: Base
    workspace: Workspace
    source: Source
    tell: Callable[[str], None]
    merges: KeptMergeTimes = field(default_factory=KeptMergeTimes)
    history: StageHistory = field(default_factory=StageHistory)

    @cached_property
    def _merged_at(self) -> MergedAt | None:
        return merge_times(self.base, self.workspace.spec.forge, self.tell, self.merges)

    def judge(self, rollout: str, now: datetime) -> GateReport:
        """Judge a rollout on the base."""
        request = GateRequest(rollout, now)
        return judge(request, self.base.repository, self.base, self.source, self._merged_at, self.history)

    def prepare(self, request: Request, options: StepOptions) -> GatedStep:
        """Judge a rollout, and prepare its step if all conditions but an approval are met.

        It waits while a rollback of the candidate or of stable is open.
        """
        report = self.judge(request.rollout, options.now)
        missing = missing_conditions(report)
        if missing:
            return GatedStep(report, missing=missing)
        options = replace(options, gate=report)
        step = prepare_on_base(request, self.base, self.workspace, options, self._merged_at)
        reason = open_quarantine(self.base, step.forge, request.rollout)
        return GatedStep(report, step) if reason is None else GatedStep(report, missing=(Missing(reason),))

    def roll_back(self, report: GateReport, forge: Forge | None) -> list[BreachResponse | FailedResponse]:
        """Respond to the breaches of a report; without a forge nothing is pushed."""
        responder = Responder(self.base, forge, report.until)
        return list(respond_to_all(breaches_of(report), responder))


def breaches_of(report: GateReport) -> list[Breach]:
    """Return a breach for each trigger that the gate found broken.

    The same evidence gives the same identity.
    """
    return [_breach(report, each) for each in report.result.breaches]


def missing_in_checkout(request: Request, here: WorkspaceLocation, report: GateReport) -> tuple[Missing, ...]:
    """Return the conditions that a step in a checkout lacks. Nobody approves it there.

    A rollback that is open on the remote bars it too. UserError if no time and no data would make the step possible.
    """
    if report.verdict == "breach":
        return missing_conditions(report)
    step = apply_step(here.repository(), request)
    missing = missing_conditions(report) or missing_approvals(step.approvals, step.version)
    if missing or here.git_root is None:
        return missing
    base, workspace = fetch_base(here, here.git_root)
    forge = forge_of(base, workspace.spec.forge) if base.remote is not None and workspace.spec.forge else None
    reason = open_quarantine(base, forge, request.rollout)
    return (Missing(reason),) if reason is not None else ()


def _breach(report: GateReport, verdict: TriggerVerdict) -> Breach:
    moment = report.breached_at or report.until
    name, counts = verdict.trigger.name, verdict.judgement.candidate
    value = Decimal(f"{counts.rate:.6g}") if counts is not None and counts.total else None
    return Breach(
        id=f"gate-{name}-{int(report.since.timestamp())}",
        source=SOURCE,
        rollout=report.rollout,
        version=report.candidate,
        observed_at=moment,
        trigger=name,
        workspace=report.workspace,
        evidence=Evidence(one_line(verdict.judgement.message, _LONGEST), value),
    )


def worst_status(responses: Sequence[BreachResponse | FailedResponse]) -> int:
    """Return the worst exit status of some responses, 0 without any."""
    statuses = (each.error.status if isinstance(each, FailedResponse) else each.status for each in responses)
    return max(statuses, default=0)


def prepare_gated(
    request: Request, here: WorkspaceLocation, root: Path, options: StepOptions, tell: Callable[[str], None]
) -> GatedStep:
    """Judge a rollout on the newest base of the git root, and prepare its step.

    It is prepared if nothing but an approval is missing. UserError if no time and no data would make it possible.
    """
    base, workspace = fetch_base(here, root)
    source = connect(workspace.spec.prometheus, options.now)
    try:
        gated = GatedBase(base, workspace, source, tell).prepare(request, options)
    finally:
        source.close()
    if gated.step is None and gated.report.verdict != "breach":
        apply_step(base.repository, request)
    return gated


def roll_back_from(
    report: GateReport, here: WorkspaceLocation, *, is_dry_run: bool
) -> list[BreachResponse | FailedResponse]:
    """Respond to the breaches of a report on the newest base. UserError if the workspace names no forge."""
    if here.git_root is None:
        raise UserError("a rollback needs git, but this workspace is not in a git repository", hint="run `git init`")
    base, workspace = fetch_base(here, here.git_root)
    prints_only = is_dry_run or workspace.spec.automation.mode == "dry-run"
    forge = None if prints_only else forge_of(base, workspace.spec.forge)
    return GatedBase(base, workspace, NoSource(), lambda _: None).roll_back(report, forge)
