"""The gate: the live stage of a rollout is judged from Prometheus, trigger by trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rollout_spec.checks.runner import is_sound
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain import traffic
from rollout_spec.domain.judgement.offline import Holdout, takes_holdout
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import StageVerdict, TriggerVerdict, judged_triggers, live_stage
from rollout_spec.domain.judgement.verdicts import Judgement
from rollout_spec.domain.stage_periods import StagePeriod
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.spec.rollout import ModelRollout, Stage
from rollout_spec.spec.triggers import Manual, Offline
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.gate_triggers import Live, StageWindow, judge_offline, judge_trigger
from rollout_spec.workflows.holdout import read_holdout
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.merge_times import MergedAt, merge_times
from rollout_spec.workflows.prometheus import Source, connect
from rollout_spec.workflows.stage_history import StageHistory
from rollout_spec.workflows.step_in_checkout import checked_out
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class GateRequest:
    """The request to judge a rollout at a time.

    ``since`` replaces the start of the stage. ``holdout`` is a file with predictions of both models.
    """

    rollout: str
    now: datetime
    since: datetime | None = None
    holdout: Path | None = None


def judge_checkout(request: GateRequest, here: WorkspaceLocation, tell: Callable[[str], None]) -> GateReport:
    """Judge the live stage of a rollout as it is in a checkout.

    UserError as for ``judge``, and if the workspace does not load.
    """
    repository, base = here.repository(), checked_out(here)
    settings = repository.settings
    if settings is None:
        hint = f"run `rollout-spec check {WORKSPACE_FILE}` to see why"
        raise UserError(f"{WORKSPACE_FILE} does not load", hint=hint)
    merged_at = merge_times(base, settings.forge, tell) if base is not None else None
    source = connect(settings.prometheus, request.now)
    try:
        return judge(request, repository, base, source, merged_at)
    finally:
        source.close()


def judge(
    request: GateRequest,
    repository: Repository,
    base: Base | None,
    source: Source,
    merged_at: MergedAt | None = None,
    history: StageHistory | None = None,
) -> GateReport:
    """Judge the live stage of a rollout.

    ``base`` is the commit whose history tells when the stage began; ``history`` is the known part. UserError if the
    rollout does not load, if no candidate is in a stage that receives requests, or if the start of the stage is not
    known.
    """
    rollout = _sound_rollout(request.rollout, repository)
    spec, stage = rollout.spec, live_stage(rollout.spec)
    if stage is None or spec.live.candidate is None:
        raise UserError(_why_nothing(rollout), hint=_next_step(rollout))
    periods = (history or StageHistory()).periods(rollout, base) if base is not None else []
    since, entered = _start(rollout, stage, periods, request, merged_at)
    judged_since = min(since + stage.warmup_time, request.now)
    window = StageWindow(rollout, repository, stage, judged_since, request.now)
    earlier = [] if request.since is not None else _earlier(window, periods)
    triggers, skipped = judged_triggers(spec, stage)
    holdout = _holdout(request, rollout)

    def judged(trigger: Live | Offline) -> Judgement:
        if isinstance(trigger, Offline):
            return judge_offline(trigger, rollout, repository, holdout)
        if request.now <= since + stage.warmup_time:
            return _in_warmup(since, stage, request)
        return judge_trigger(trigger, window, since, earlier, source)

    verdicts = [TriggerVerdict(each, judged(each)) for each in triggers if not isinstance(each, Manual)]
    return GateReport(
        repository.workspace_name,
        rollout.metadata.name,
        spec.live.stable,
        spec.live.candidate,
        stage,
        traffic.split(spec).text,
        since,
        judged_since,
        request.now,
        entered,
        StageVerdict(tuple(verdicts), tuple(skipped)),
        source.failure,
        tuple(_notes(request, rollout, periods, has_triggers=bool(triggers))),
    )


def _in_warmup(since: datetime, stage: Stage, request: GateRequest) -> Judgement:
    what = "the stage" if request.since is None else "the judged time"
    message = f"{what} began at {format_time(since)}, and its first {format_duration(stage.warmup_time)} do not count"
    more = (since + stage.warmup_time - request.now).total_seconds()
    return Judgement("no-data", message, seconds_more=max(more, 1.0))


def _notes(
    request: GateRequest, rollout: ModelRollout, periods: Sequence[StagePeriod], *, has_triggers: bool
) -> Iterator[str]:
    if not has_triggers:
        yield "no trigger is judged in this stage, so nothing shows that the candidate is fine"
    if request.since is not None and periods and request.since < periods[0].since:
        live, entered = rollout.spec.live, format_time(periods[0].since)
        yield f"{live.candidate} entered {live.stage} at {entered}; --since is before that, when the split was another"
    wanted = [each for each in rollout.spec.triggers if isinstance(each, Offline) and takes_holdout(each.metric)]
    if request.holdout is not None and not wanted:
        yield "--holdout was not used: no offline trigger has a metric that it gives, `auc` or `rmse`"


def _sound_rollout(name: str, repository: Repository) -> ModelRollout:
    file = repository.require_rollout(name)
    if file.model is None or not is_sound(file, repository):
        hint = f"run `rollout-spec check {file.path}` to see why"
        raise UserError(f"{file.path} does not load, or a file that it names does not", hint=hint)
    return file.model


def _holdout(request: GateRequest, rollout: ModelRollout) -> Holdout | None:
    live = rollout.spec.live
    assert live.candidate is not None
    return read_holdout(request.holdout, live.stable, live.candidate) if request.holdout is not None else None


def _why_nothing(rollout: ModelRollout) -> str:
    live, name = rollout.spec.live, rollout.metadata.name
    if live.candidate is None:
        return f"{name} has no candidate: {live.stable} is stable and receives all requests"
    if live.stage is None:
        return f"{name} {live.candidate} is proposed and receives no requests"
    return f"{name} {live.candidate} receives no requests in {live.stage}"


def _next_step(rollout: ModelRollout) -> str | None:
    live, name = rollout.spec.live, rollout.metadata.name
    if live.candidate is None:
        return f"propose a version, and move it to its first stage: `rollout-spec propose {name} VERSION --advance`"
    return f"move it to its first stage: `rollout-spec advance {name}`" if not live.stage else None


def _start(
    rollout: ModelRollout,
    stage: Stage,
    periods: Sequence[StagePeriod],
    options: GateRequest,
    merged_at: MergedAt | None,
) -> tuple[datetime, str | None]:
    """Return the start of the stage and its commit. It begins when the commit was merged, as holds do."""
    if options.since is not None:
        if options.since >= options.now:
            raise UserError(f"--since {format_time(options.since)} is not in the past")
        return options.since, None
    if not periods:
        candidate = rollout.spec.live.candidate
        raise UserError(
            f"cannot tell when {candidate} entered {stage.name}: no commit of a full clone says so",
            hint="commit the change, fetch the whole history, or give the time with --since",
        )
    merged = merged_at(periods[0].commit) if merged_at else None
    return merged or periods[0].since, periods[0].commit


def _earlier(window: StageWindow, periods: Sequence[StagePeriod]) -> list[StageWindow]:
    """Return the windows of the candidate's earlier stages that received requests, oldest first."""
    stages = {stage.name: stage for stage in window.rollout.spec.stages}
    windows = []
    for period in reversed(periods[1:]):
        stage = stages.get(period.stage)
        if stage is None or period.until is None:
            continue
        spec = window.rollout.spec
        live = spec.live.model_copy(update={"stage": stage.name})
        earlier = window.rollout.model_copy(update={"spec": spec.model_copy(update={"live": live})})
        since = period.since + stage.warmup_time
        if live_stage(earlier.spec) is not None and since < period.until:
            windows.append(replace(window, rollout=earlier, stage=stage, since=since, until=period.until))
    return windows
