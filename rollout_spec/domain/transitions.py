"""The steps of a rollout: each takes ``live`` and returns what it becomes. UserError if a step cannot be taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rollout_spec.core.errors import UserError
from rollout_spec.spec.rollout import Live


def propose(live: Live, version: str) -> Live:
    """A candidate is named; it takes no traffic yet."""
    if live.candidate is not None:
        raise UserError(
            f"{live.candidate} is the candidate already", hint="withdraw or promote it first: one candidate at a time"
        )
    if version == live.stable or version in live.known_good:
        raise UserError(
            f"{version} is stable or known good already", hint="a candidate is a version that has not served yet"
        )
    return _changed(live, candidate=version)


def advance(live: Live, stages: Sequence[str], *, to: str | None = None, fixes: str | None = None) -> Live:
    """The candidate enters the first stage, or the next one; any later one where it ``fixes`` an open incident."""
    if live.candidate is None:
        raise UserError("there is no candidate to advance", hint="propose one first")
    if to is not None and to not in stages:
        raise UserError(f"there is no stage `{to}`", hint=f"the stages are {', '.join(stages)}")
    here = stages.index(live.stage) if live.stage in stages else -1
    if here + 1 >= len(stages):
        raise UserError(f"{live.stage} is the last stage", hint="promote the candidate")
    there = stages.index(to) if to is not None else here + 1
    if there <= here or (there > here + 1 and not (fixes or live.fixes)):
        raise UserError(f"{stages[there]} is not the next stage", hint=f"the next one is {stages[here + 1]}")
    return _changed(live, stage=stages[there], fixes=fixes or live.fixes)


def retreat(live: Live, stages: Sequence[str], to: str) -> Live:
    """The candidate goes back to an earlier stage."""
    if live.stage not in stages:
        raise UserError("there is no candidate in a stage that it could go back from")
    if to not in stages or stages.index(to) >= stages.index(live.stage):
        raise UserError(f"{to} is not a stage before {live.stage}")
    return _changed(live, stage=to)


def withdraw(live: Live) -> Live:
    """The candidate goes, and nothing is held against it."""
    if live.candidate is None:
        raise UserError("there is no candidate to withdraw")
    return _changed(live, candidate=None, stage=None, fixes=None)


def promote(live: Live, stages: Sequence[str], quarantined: Collection[str]) -> Live:
    """The candidate is stable; the old stable is known good, unless it is quarantined."""
    if live.candidate is None or live.stage != stages[-1]:
        raise UserError("only a candidate in the last stage is promoted", hint=f"advance it to {stages[-1]} first")
    earned = [] if live.stable in quarantined else [live.stable]
    return _changed(
        live, stable=live.candidate, candidate=None, stage=None, fixes=None, known_good=[*earned, *live.known_good]
    )


def retire(live: Live, version: str, eligible: Collection[str]) -> Live:
    """An entry leaves ``knownGood``; one that is eligible stays."""
    if version not in live.known_good:
        raise UserError(f"{version} is not in knownGood")
    if not set(eligible) - {version}:
        raise UserError(f"without {version} there is no way back", hint="promote another version first")
    return _changed(live, known_good=[entry for entry in live.known_good if entry != version])


def roll_back_stable(live: Live, to: str) -> Live:
    """``stable`` is an entry of ``knownGood``; that one and those before it leave the list, and so does a candidate."""
    rest = live.known_good[live.known_good.index(to) + 1 :]
    return _changed(live, stable=to, candidate=None, stage=None, fixes=None, known_good=rest)


def step_between(
    before: Live,
    after: Live,
    stages: Sequence[str],
    *,
    quarantined: Collection[str],
    eligible: Sequence[str],
    skippable: Collection[str],
) -> str | None:
    """Return the name of the step that leads from ``before`` to ``after``; ``none`` where they are equal.

    None where no one step does. ``quarantined`` and ``eligible`` are versions as they were before; ``skippable``
    are the open incidents for whose sake a fix may skip stages.
    """
    if _facts(before) == _facts(after):
        return "none"
    for name, outcome in _steps(before, after, stages, quarantined, eligible, skippable):
        if _facts(outcome) == _facts(after):
            return name
    return None


def _steps(
    before: Live,
    after: Live,
    stages: Sequence[str],
    quarantined: Collection[str],
    eligible: Sequence[str],
    skippable: Collection[str],
) -> Iterable[tuple[str, Live]]:
    """Give what each step would make of ``before``, as far as it can be what became of it."""
    if before.candidate is None and after.candidate is not None:
        proposed = _changed(before, candidate=after.candidate)
        yield "propose", proposed
        yield from _advances("propose and advance", proposed, after, stages, skippable)
    if before.candidate is not None:
        yield from _advances("advance", before, after, stages, skippable)
        if before.stage in stages:
            for stage in stages[: stages.index(before.stage)]:
                yield "retreat", _changed(before, stage=stage)
        yield "withdraw", withdraw(before)
        if before.stage == stages[-1]:
            yield "promote", promote(before, stages, quarantined)
    for version in before.known_good:
        if set(eligible) - {version}:
            yield "retire", retire(before, version, eligible)
    if eligible:
        yield "rollback", roll_back_stable(before, eligible[0])


def _advances(
    name: str, before: Live, after: Live, stages: Sequence[str], skippable: Collection[str]
) -> Iterable[tuple[str, Live]]:
    here = stages.index(before.stage) if before.stage in stages else -1
    furthest = len(stages) if after.fixes is not None and after.fixes in skippable else here + 2
    for stage in stages[here + 1 : furthest]:
        yield name, _changed(before, stage=stage, fixes=after.fixes or before.fixes)


def _changed(live: Live, **changes: object) -> Live:
    return live.model_copy(update=changes)


def _facts(live: Live) -> tuple[object, ...]:
    return live.stable, live.candidate, live.stage, live.fixes, tuple(live.known_good)
