"""One pass: each rollout in flight is moved forward, taken back, or left as it is.

A pass may run at any time and on several machines: the branch of a step or a rollback exists once, and an existing one
is adopted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import SystemRandom

from rollout_spec.core.errors import OUTSIDE, ClosedByPersonError, UserError
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import live_stage
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle import Request
from rollout_spec.lifecycle.gated import merges_itself
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.base_branch import forge_of
from rollout_spec.workflows.gated_step import GatedBase, GatedStep
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.moved_base import changed_meanwhile
from rollout_spec.workflows.newest import fetch_base
from rollout_spec.workflows.open_gated_steps import MergedSteps, OpenSteps
from rollout_spec.workflows.pass_results import Action, PassResult, Reconciled, after_rollback, waiting_for
from rollout_spec.workflows.pass_turns import PassTurns
from rollout_spec.workflows.prometheus import connect_for_pass
from rollout_spec.workflows.rollback_history import pauses
from rollout_spec.workflows.step_in_checkout import StepOptions


@dataclass(frozen=True)
class Pass:
    """One pass of a workspace at one time.

    ``forge`` is None if nothing is pushed. ``report_breach`` takes the breaches of a report instead of a response
    here: the service stores them in its inbox. ``only`` are the names of rollouts, all if empty. ``is_dry_run``:
    nothing is changed. ``merged`` are steps that earlier passes saw merged. ``turns`` is the order of rollouts.
    """

    gated: GatedBase
    now: datetime
    forge: Forge | None = None
    report_breach: Callable[[GateReport], None] | None = None
    only: frozenset[str] = frozenset()
    is_dry_run: bool = False
    merged: MergedSteps = field(default_factory=MergedSteps)
    turns: PassTurns = field(default_factory=PassTurns)

    def run(self) -> Iterator[Reconciled]:
        """Yield the result for each rollout with a candidate, or with a step that was held.

        An error in one stops no other.
        """
        base = self.gated.base
        paused = [each for each in pauses(base) if each.ends is None or self.now < each.ends]
        open_steps = OpenSteps(base, self.gated.workspace.metadata.name, self.forge, self.merged)
        names = base.repository.names("rollouts")
        wanted = [name for name in self.turns.of(names) if not self.only or name in self.only]
        self.gated.history.read(base, self._judged(wanted))
        for name in wanted:
            file = base.repository.rollout(name)
            if file is None or file.model is None:
                why = f"rollouts/{name}.yaml does not load"
                yield Reconciled(name, "", "", "failed", why, notes=open_steps.hold(name, "", f"{why}."), status=1)
                continue
            if file.model.spec.live.candidate is None:
                yield from _left_over(name, "the rollout has no candidate any more", open_steps)
                continue
            try:
                yield self._rollout(file.model, open_steps, paused[0].path if paused else None)
            except Exception as error:
                reason, live = as_user_error(error), file.model.spec.live
                version = live.candidate or ""
                held = open_steps.hold(name, version, f"It could not be judged: {reason.message}.")
                yield Reconciled(
                    name, version, live.stage or "", "failed", reason.message, notes=held, status=reason.status
                )
        for name in sorted(open_steps.rollouts - set(names)) if not self.only else ():
            yield from _left_over(name, "the rollout is not on the base any more", open_steps)

    def _judged(self, names: Iterable[str]) -> Iterator[ModelRollout]:
        """Yield the rollouts whose stage can be judged."""
        for name in names:
            file = self.gated.base.repository.rollout(name)
            if file is not None and file.model is not None and live_stage(file.model.spec) is not None:
                yield file.model

    def _rollout(self, rollout: ModelRollout, open_steps: OpenSteps, paused: str | None) -> Reconciled:
        live, name = rollout.spec.live, rollout.metadata.name
        done = Reconciled(name, live.candidate or "", live.stage or "", "waiting", "")
        if live_stage(rollout.spec) is None:
            reason = "the candidate is proposed: a person moves it to its first stage" if live.stage is None else ""
            reason = reason or "the candidate receives no requests in this stage: a person decides"
            return replace(done, reason=reason, notes=open_steps.hold(name, done.version, f"Now {reason}."))
        last = rollout.spec.stages[-1].name == live.stage
        request = Request("promote" if last else "advance", name)
        options = StepOptions(self.now, auto_merge=merges_itself(rollout, self.gated.workspace.spec.automation))
        had_failed = self.gated.source.failure is not None
        step = self.gated.prepare(request, options)
        self.turns.note(name, self.gated.source, had_failed=had_failed)
        done = replace(done, verdict=step.report.verdict, report=step.report)
        if step.report.verdict == "breach":
            held = open_steps.hold(name, done.version, "The gate reports a breach of this version.")
            done = self._taken_back(done, step.report)
            return replace(done, notes=(*held, *done.notes))
        if step.report.failure is not None:
            done = replace(done, status=OUTSIDE)
        if step.missing or step.step is None:
            why = "The gate does not say ok any more" if step.report.verdict != "ok" else "The step must wait"
            held = open_steps.hold(name, done.version, f"{why}: {step.missing[0].message}.")
            missing = tuple(each.text for each in step.missing)
            return replace(done, reason=waiting_for(step), missing=missing, notes=held)
        if paused is not None:
            held = open_steps.hold(name, done.version, f"{paused} pauses the automation.")
            return replace(done, reason=f"all conditions are met, but {paused} pauses the automation", notes=held)
        return self._forward(done, step, open_steps)

    def _taken_back(self, done: Reconciled, report: GateReport) -> Reconciled:
        trigger = report.result.breaches[0]
        reason = f"{trigger.trigger.name}: {trigger.judgement.message}"
        if self.is_dry_run:
            return replace(done, action="reported", reason=f"{reason}; nothing is pushed", status=1)
        if self.report_breach is not None:
            self.report_breach(report)
            return replace(done, action="reported", reason=reason)
        responses = self.gated.roll_back(report, self.forge)
        return after_rollback(replace(done, reason=reason), responses)

    def _forward(self, done: Reconciled, gated: GatedStep, open_steps: OpenSteps) -> Reconciled:
        step = gated.step
        assert step is not None
        if step.prepared.is_refused:
            check = step.prepared.check
            why = ": ".join([*filter(None, [check.why]), *(finding.message for finding in check.refused[:1])])
            held = open_steps.hold(done.rollout, done.version, f"It is refused now: {why}.")
            return replace(done, action="failed", reason=f"the step was not done: {why}", notes=held, status=1)
        if self.is_dry_run or self.forge is None or step.forge is None:
            return replace(done, reason="all conditions are met; nothing is pushed")
        changed = changed_meanwhile(self.gated.base, done.rollout)
        if changed is not None:
            return replace(done, reason=f"{changed} was changed during this pass, so the next one judges it again")
        try:
            delivered = step.open(self.forge, since=gated.report.since)
        except ClosedByPersonError as closed:
            url = closed.message.split()[0]
            return replace(done, reason=f"a person closed {url}, so this step is not proposed again", url=url)
        pull = delivered.pull_request
        done = replace(done, url=pull.url, notes=delivered.notes)
        if pull.state == "merged":
            action: Action = "promoted" if step.request.step == "promote" else "advanced"
            return replace(done, action=action, reason="the hold is over and the gate says ok")
        if pull.draft:
            return replace(done, action="proposed", reason="a person must approve this stage by merging")
        waits = "its checks" if pull.auto_merge_enabled else "a person to merge it"
        return replace(done, action="proposed", reason=f"the pull request waits for {waits}")


def _left_over(rollout: str, reason: str, open_steps: OpenSteps) -> Iterator[Reconciled]:
    """Yield a result if a step is held whose candidate is gone: it could merge if that came back."""
    if rollout in open_steps.rollouts:
        held = open_steps.hold(rollout, "", f"Now {reason}.")
        if held:
            yield Reconciled(rollout, "", "", "waiting", reason, notes=held)


def reconcile(
    here: WorkspaceLocation,
    now: datetime,
    tell: Callable[[str], None],
    only: Collection[str] = (),
    *,
    is_dry_run: bool = False,
) -> PassResult:
    """Run one pass of a workspace on its newest base, for all rollouts or those named in ``only``."""
    if here.git_root is None:
        raise UserError("reconcile needs git, but this workspace is not in a git repository", hint="run `git init`")
    base, workspace = fetch_base(here, here.git_root)
    for name in only:
        base.repository.require_rollout(name)
    settings = workspace.spec
    prints_only = is_dry_run or settings.automation.mode == "dry-run"
    forge = None if prints_only else forge_of(base, settings.forge)
    source = connect_for_pass(settings.prometheus, now)
    try:
        gated = GatedBase(base, workspace, source, tell)
        names = base.repository.names("rollouts")
        turns = PassTurns(SystemRandom().sample(names, len(names)))  # no rollout is last in all runs
        one_pass = Pass(gated, now, forge, only=frozenset(only), is_dry_run=prints_only, turns=turns)
        results = tuple(sorted(one_pass.run(), key=lambda each: each.rollout))
    finally:
        source.close()
    return PassResult(results, source.queries)
