"""Comparisons with the control arm.

Failures are compared by how they split between the arms. Other ratios are compared by their difference: with a planned
end if the stage has a hold, and else with a test that is valid at any time. A soft trigger is read once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rollout_spec.domain.judgement import failures
from rollout_spec.domain.judgement.arms import Arms, EarlierStage, since_split, split_problem, totals, wrong_splits
from rollout_spec.domain.judgement.bursts import Bursts
from rollout_spec.domain.judgement.differences import difference_moments, method, until_horizon
from rollout_spec.domain.judgement.moments import Moment, Plan
from rollout_spec.domain.judgement.numbers import duration, percent, rate
from rollout_spec.domain.judgement.recent import recent_loss
from rollout_spec.domain.judgement.verdicts import EvidencePoint, Judgement, seconds_more
from rollout_spec.domain.statistics import stages
from rollout_spec.domain.statistics.counts import Counts, Tick


def judge_comparison(
    ticks: Sequence[Tick], arms: Arms, plan: Plan, *, is_failure: bool, earlier: Sequence[EarlierStage] = ()
) -> Judgement:
    """Compare the candidate with stable.

    ``is_failure``: the events are failures, so their split is compared. ``earlier`` are the earlier stages of the
    candidate; they count for failures only.
    """
    newest, ticks = ticks, ticks if is_failure else until_horizon(ticks, plan)
    late: tuple[str, ...] = ()
    stable, candidate = totals(ticks)
    judgement = Judgement("no-data", "", alpha=plan.alpha, stable=stable, candidate=candidate)
    if not arms.has_control:
        message = f"{arms.stable} receives no requests in this stage, so there is no control arm"
        return replace(judgement, message=message, stable=None)
    for version, counts in ((arms.candidate, candidate), (arms.stable, stable)):
        if not counts.total:
            return replace(judgement, message=f"no {plan.metric} of {version} was counted in the judged time")
    all_ticks, ticks = ticks, since_split(ticks, arms)
    problem = split_problem(ticks, arms)
    if problem is not None:
        earlier_look = _while_planned(all_ticks, arms)
        before_it = judge_comparison(earlier_look, arms, plan, is_failure=is_failure, earlier=earlier)
        if before_it.verdict == "breach":  # a router may eject a version because it fails
            return replace(before_it, notes=(*before_it.notes, f"later the split was another one: {problem}"))
        return replace(judgement, verdict="invalid", message=problem)
    if len(ticks) < len(all_ticks):
        began = all_ticks[-len(ticks) - 1].seconds
        late = (f"the planned split came {duration(began)} after the warm-up, and what was before does not count",)
        stable, candidate = totals(ticks)
        judgement = replace(judgement, stable=stable, candidate=candidate)
    bursts = Bursts.of(ticks, [stage.ticks for stage in earlier])
    spread = bursts.spread(ticks)
    message = _numbers(stable, candidate, arms, plan)
    judgement = replace(judgement, notes=(*late, *bursts.notes), message=message)
    if is_failure:
        before = [each for stage in earlier for each in _evidence_of(stage, bursts, plan)]
        moments = failures.failure_moments(spread, arms, plan)
        return _decided(replace(judgement, method=failures.METHOD), ticks, _looks(moments, ticks, arms), before)
    moments = _looks(difference_moments(spread, plan), ticks, arms)
    judgement = _decided(replace(judgement, method=method(plan)), ticks, moments, ())
    return _confirmed(_with_end(judgement, ticks[-1].seconds, plan), newest, arms, plan, bursts)


def _confirmed(judgement: Judgement, newest: Sequence[Tick], arms: Arms, plan: Plan, bursts: Bursts) -> Judgement:
    """Return a judgement that is ok only if the newest ticks agree.

    ``newest`` are all ticks, also those after the end of the test.
    """
    if judgement.verdict != "ok":
        return judgement
    after = [tick for tick in newest if plan.horizon is not None and tick.seconds > plan.horizon]
    problem = split_problem(after, arms)
    if problem is not None:
        return replace(judgement, verdict="invalid", message=f"since the test ended, {problem}")
    loss = recent_loss(newest, plan, bursts.effect)
    if loss is None:
        return judgement
    return replace(judgement, verdict="inconclusive", message=f"{judgement.message}; {loss}")


def _while_planned(ticks: Sequence[Tick], arms: Arms) -> Sequence[Tick]:
    """Return the ticks up to the last one at which the split so far was the planned one."""
    planned = [index for index, is_wrong in enumerate(wrong_splits(ticks, arms), start=1) if not is_wrong]
    return ticks[: planned[-1] if planned else 0]


def _evidence_of(stage: EarlierStage, bursts: Bursts, plan: Plan) -> list[float]:
    """Return the evidence of an earlier stage, compared by its own split.

    There is none if that was not the planned one.
    """
    ticks = since_split(stage.ticks, stage.arms)
    if not ticks or not stage.arms.has_control or split_problem(ticks, stage.arms) is not None:
        return []
    return [failures.failure_moments(bursts.spread(ticks), stage.arms, plan)[-1].evidence]


def _looks(moments: Iterable[Moment], ticks: Sequence[Tick], arms: Arms) -> list[Moment]:
    """Return moments of which those are no looks at which the split so far was not the planned one."""
    wrong = wrong_splits(ticks, arms)
    return [replace(moment, is_look=moment.is_look and not each) for moment, each in zip(moments, wrong, strict=True)]


def _decided(
    judgement: Judgement, ticks: Sequence[Tick], moments: Sequence[Moment], before: Sequence[float]
) -> Judgement:
    """Return a judgement with its verdict, the evidence at each look, and the time of a breach."""
    points, breached_after = list[EvidencePoint](), None
    for tick, moment in zip(ticks, moments, strict=True):
        evidence = stages.combine([*before, moment.evidence]) if before else moment.evidence
        if breached_after is None and moment.is_look and moment.is_worse and evidence >= moment.needed:
            breached_after = tick.seconds
        points.append(EvidencePoint(tick.seconds, evidence / moment.needed, moment.acquittal / moment.needed))
    last = moments[-1]
    judgement = replace(judgement, points=tuple(points), breached_after=breached_after, interval=last.interval)
    if breached_after is not None:
        return replace(judgement, verdict="breach")
    if last.is_look and last.acquittal >= last.needed:
        return replace(judgement, verdict="ok")
    return replace(judgement, verdict="inconclusive", seconds_more=seconds_more(points))


def _with_end(judgement: Judgement, seconds: float, plan: Plan) -> Judgement:
    """Add the planned end of the test, and the false alarms of a single look."""
    if plan.is_single:
        note = f"one look at the end: a candidate that is not worse is reported in {percent(plan.alpha)} of all cases"
        judgement = replace(judgement, notes=(*judgement.notes, note))
    if plan.horizon is None or judgement.verdict != "inconclusive":
        return judgement
    rest = plan.horizon - seconds
    if rest > 0:
        verb = "is read once" if plan.is_single else "ends"
        more = rest if plan.is_single else min(rest, judgement.seconds_more or rest)
        message = f"{judgement.message}; the test {verb} in {duration(rest)}"
        return replace(judgement, message=message, seconds_more=more)
    message = f"{judgement.message}; the test ended with the hold and did not decide, so a person decides"
    return replace(judgement, message=message, seconds_more=None)


def _numbers(stable: Counts, candidate: Counts, arms: Arms, plan: Plan) -> str:
    change = ""
    if stable.events:
        relative = (candidate.events / candidate.total) / (stable.events / stable.total) - 1
        change = f" ({percent(abs(relative))} {'more' if relative > 0 else 'less'})"
    limit = f"{percent(plan.drop)} {'less' if plan.good == 'up' else 'more'} is not accepted"
    return f"{plan.metric} of {arms.candidate}: {rate(candidate)}, {arms.stable}: {rate(stable)}{change}; {limit}"
