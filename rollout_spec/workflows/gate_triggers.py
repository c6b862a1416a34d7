"""The verdict on one trigger of a stage: its counts are read and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from rollout_spec.core.units import format_duration
from rollout_spec.domain.judgement.arms import Arms, EarlierStage, arms_of, since_split, split_problem
from rollout_spec.domain.judgement.comparisons import judge_comparison
from rollout_spec.domain.judgement.moments import Plan
from rollout_spec.domain.judgement.offline import Holdout, better_direction, judge_holdout, judge_records
from rollout_spec.domain.judgement.rates import RateBound, judge_rate
from rollout_spec.domain.judgement.stage import alpha_of
from rollout_spec.domain.judgement.verdicts import Judgement
from rollout_spec.domain.metrics import counts as queries
from rollout_spec.domain.metrics.grid import grid
from rollout_spec.domain.metrics.profiles import DEFAULT_PROFILE, PROFILES
from rollout_spec.domain.metrics.queries import ERROR_RATE
from rollout_spec.domain.metrics.selectors import Arm, Immeasurable
from rollout_spec.domain.metrics.ticks import Reading, read_counts
from rollout_spec.domain.metrics.values import breached_after, history_query, read_value, value_query
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.traffic import split
from rollout_spec.render.context import metric_arm
from rollout_spec.spec.rollout import ModelRollout, Stage
from rollout_spec.spec.triggers import Comparison, Latency, Offline, Threshold
from rollout_spec.spec.workspace import Metric, Value
from rollout_spec.workflows.prometheus import Source
from rollout_spec.workspace.repository import Repository

Live = Threshold | Latency | Comparison
_ALERTS = ("prometheus-operator", "prometheus")
"""The targets that render alerts: their option `backend` comes first."""


@dataclass(frozen=True)
class StageWindow:
    """A rollout in one stage, and the judged time of that stage."""

    rollout: ModelRollout
    repository: Repository
    stage: Stage
    since: datetime
    until: datetime

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics of the workspace."""
        settings = self.repository.settings
        return dict(settings.metrics) if settings else {}

    @property
    def arms(self) -> Arms:
        """The arms of the stage."""
        return arms_of(split(self.rollout.spec))

    def metric_arm(self, version: str) -> Arm:
        """Return the values that identify a version in metrics, as in the rendered alerts."""
        targets = sorted(self.rollout.spec.targets, key=lambda target: target.type not in _ALERTS)
        options = (target.options.get("backend") for target in targets)
        return metric_arm(self.rollout, version, next((each for each in options if isinstance(each, Mapping)), None))


def judge_trigger(
    trigger: Live, window: StageWindow, began: datetime, earlier: Sequence[StageWindow], source: Source
) -> Judgement:
    """Judge a trigger that is measured in a stage, which began at ``began``.

    After its ``within`` nothing counts. ``earlier`` are the candidate's earlier stages, whose evidence is kept.
    """
    within = None if isinstance(trigger, Comparison) else trigger.within
    is_over = within is not None and window.until > began + within
    if within is not None and is_over:
        window = replace(window, until=began + within)
    try:
        if not isinstance(trigger, Latency) and isinstance(metric := window.metrics.get(trigger.metric), Value):
            return _judge_value(trigger, metric, window, source)
        reading = _read(trigger, window, source)
        if reading.problem is not None or not reading.ticks:
            return Judgement("no-data", reading.problem or "nothing was counted yet", notes=reading.notes)
        watched = [each for each in earlier if _watches(trigger, each.stage)]
        before = [EarlierStage(_read(trigger, each, source).ticks, each.arms) for each in watched]
    except Immeasurable as error:
        return Judgement("no-data", f"it cannot be measured: {error}")
    try:
        judgement = _judge_counts(trigger, window, reading.ticks, before)
    except (ArithmeticError, ValueError) as error:  # odd counts of one trigger hide no breach of another one
        return Judgement("no-data", f"its counts cannot be judged: {error}", notes=reading.notes)
    if is_over and within is not None and judgement.verdict == "inconclusive":
        message = f"{judgement.message}; its first {format_duration(within)} did not decide, so a person decides"
        judgement = replace(judgement, message=message, seconds_more=None)
    return replace(judgement, notes=(*reading.notes, *judgement.notes))


def judge_offline(
    trigger: Offline, rollout: ModelRollout, repository: Repository, holdout: Holdout | None
) -> Judgement:
    """Judge an offline trigger from predictions if they are given and its metric is computed from them."""
    live, versions = rollout.spec.live, rollout.spec.versions
    assert live.candidate is not None
    declared = repository.settings.metrics.get(trigger.metric) if repository.settings else None
    good = declared.good if declared is not None else better_direction(trigger.metric)
    recorded = judge_records(trigger, versions[live.stable], versions[live.candidate], good)
    try:
        judgement = judge_holdout(trigger, holdout) if holdout is not None else None
    except (ArithmeticError, ValueError) as error:
        return Judgement("no-data", f"the holdout cannot be used: {error}")
    if judgement is None:
        return recorded
    if judgement.verdict != recorded.verdict:
        note = f"the recorded values alone are {recorded.verdict}: {recorded.message}"
        judgement = replace(judgement, notes=(*judgement.notes, note))
    return judgement


def _watches(trigger: Live, stage: Stage) -> bool:
    return trigger.during is None or stage.name in trigger.during


def _read(trigger: Live, window: StageWindow, source: Source) -> Reading:
    """Read the counts of a trigger. Immeasurable if its query cannot be written."""
    points = grid(window.since, window.until, window.stage.hold)
    if points is None:
        return Reading((), "too little time has passed since the warm-up", ())
    arms, rollout = window.arms, window.rollout
    profile = PROFILES.get(rollout.spec.service.metrics or DEFAULT_PROFILE)
    if profile is None:
        raise Immeasurable(f"there is no metric profile `{rollout.spec.service.metrics}`")
    stable = window.metric_arm(arms.stable) if arms.has_control else None
    measured = queries.Arms(window.metric_arm(arms.candidate), stable)
    query = queries.count_query(trigger, profile, window.metrics, measured, points)
    answer = source.query(query.promql, query.at)
    if isinstance(answer, str):
        return Reading((), answer, ())
    return read_counts(query, answer)


def _judge_value(trigger: Threshold | Comparison, metric: Value, window: StageWindow, source: Source) -> Judgement:
    if not isinstance(trigger, Threshold):
        message = f"{trigger.metric} is one value without a sample size, so its difference cannot be judged"
        return Judgement("no-data", message)
    arm = window.metric_arm(window.arms.candidate)
    query = value_query(trigger, metric, arm, window.since, window.until)
    if query is None:
        return Judgement("no-data", "the stage is younger than the time that the trigger looks at")
    answer = source.query(query.promql, query.at)
    if isinstance(answer, str):
        return Judgement("no-data", answer)
    reading = read_value(query, answer)
    after = _value_breached_after(trigger, metric, window, source) if reading.verdict == "breach" else None
    return Judgement(reading.verdict, reading.reason, "every value of the window", breached_after=after)


def _value_breached_after(trigger: Threshold, metric: Value, window: StageWindow, source: Source) -> float:
    """Return the time of a breach: the same at each look while the breach goes on."""
    arm, hold = window.metric_arm(window.arms.candidate), window.stage.hold
    query = history_query(trigger, metric, arm, window.since, window.until, hold)
    answer = source.query(query.promql, query.at) if query is not None else "too little time has passed"
    if query is None or isinstance(answer, str):
        return (window.until - window.since).total_seconds()
    return breached_after(query, answer)


def _judge_counts(
    trigger: Live, window: StageWindow, ticks: Sequence[Tick], earlier: Sequence[EarlierStage]
) -> Judgement:
    values = [name for name, metric in window.metrics.items() if isinstance(metric, Value)]
    arms, alpha = window.arms, alpha_of(trigger, window.rollout.spec, values)
    if isinstance(trigger, Comparison):
        good = _better(trigger.metric, window.metrics)
        is_failure = good == "down"
        is_single = trigger.severity == "soft" and not is_failure
        plan = Plan(trigger.metric, float(trigger.drop) / 100, alpha, good, _horizon(window), is_single)
        return judge_comparison(ticks, arms, plan, is_failure=is_failure, earlier=earlier)
    seconds = trigger.window.total_seconds()
    if isinstance(trigger, Latency):
        noun = f"requests slower than {format_duration(trigger.above)}"
        bound = RateBound(1 - float(trigger.quantile) / 100, seconds, alpha, noun)
    elif trigger.above is not None:
        bound = RateBound(float(trigger.above.number) / 100, seconds, alpha, trigger.metric)
    else:
        assert trigger.below is not None
        ticks, earlier = _others(ticks), [replace(stage, ticks=_others(stage.ticks)) for stage in earlier]
        bound = RateBound(1 - float(trigger.below.number) / 100, seconds, alpha, f"100% - {trigger.metric}")
    judgement = judge_rate(ticks, arms, bound, earlier)
    problem = split_problem(since_split(ticks, arms), arms) if judgement.verdict in ("ok", "inconclusive") else None
    if problem is not None:  # a failure of the candidate alone does not depend on the split
        return replace(judgement, verdict="invalid", message=problem)
    return judgement


def _horizon(window: StageWindow) -> float | None:
    """Return the judged time of the whole stage in seconds; None if it has no hold."""
    hold = window.stage.hold
    rest = hold - window.stage.warmup_time if hold is not None else timedelta(0)
    return rest.total_seconds() if rest > timedelta(0) else None


def _better(metric: str, own: dict[str, Metric]) -> Literal["up", "down"]:
    declared = own.get(metric)
    if declared is None:
        return "down" if metric == ERROR_RATE else "up"
    return declared.good


def _others(ticks: Sequence[Tick]) -> list[Tick]:
    """Return ticks that count the requests without an event."""
    return [replace(tick, stable=_other(tick.stable), candidate=_other(tick.candidate)) for tick in ticks]


def _other(counts: Counts) -> Counts:
    return Counts(max(counts.total - counts.events, 0.0), counts.total)
