"""The steps of a rollout, each from ``live`` to the new ``live``.

UserError if a step is not possible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rollout_spec.core.errors import UserError
from rollout_spec.spec.rollout import Live

_PROPOSE = "propose one first; if it is merged already, run `git pull`"


def propose(live: Live, version: str) -> Live:
    """Make a version the candidate. It receives no traffic yet."""
    if live.candidate is not None:
        raise UserError(f"{live.candidate} is already the candidate", hint="withdraw or promote it first")
    if version == live.stable or version in live.known_good:
        raise UserError(
            f"{version} is already stable or known good", hint="propose a version that has not been stable yet"
        )
    return _changed(live, candidate=version)


def advance(live: Live, stages: Sequence[str], *, to: str | None = None, fixes: str | None = None) -> Live:
    """Move the candidate to the first or the next stage.

    If it ``fixes`` an open incident, it may skip stages.
    """
    if live.candidate is None:
        raise UserError("there is no candidate to advance", hint=_PROPOSE)
    if to is not None and to not in stages:
        raise UserError(f"there is no stage `{to}`", hint=f"the stages are {', '.join(stages)}")
    current = stages.index(live.stage) if live.stage in stages else -1
    if current + 1 >= len(stages):
        raise UserError(f"{live.stage} is the last stage", hint="promote the candidate")
    entered = stages.index(to) if to is not None else current + 1
    if entered <= current or (entered > current + 1 and not (fixes or live.fixes)):
        raise UserError(f"{stages[entered]} is not the next stage", hint=f"the next one is {stages[current + 1]}")
    return _changed(live, stage=stages[entered], fixes=fixes or live.fixes)


def retreat(live: Live, stages: Sequence[str], to: str) -> Live:
    """Move the candidate back to an earlier stage."""
    if live.stage not in stages:
        raise UserError("no candidate is in a stage", hint="withdraw a candidate that gets no traffic yet")
    if to not in stages or stages.index(to) >= stages.index(live.stage):
        before = ", ".join(stages[: stages.index(live.stage)])
        hint = f"earlier stages: {before}" if before else None
        raise UserError(f"{to} is not a stage before {live.stage}", hint=hint)
    return _changed(live, stage=to)


def withdraw(live: Live) -> Live:
    """Remove the candidate without an incident."""
    if live.candidate is None:
        raise UserError("there is no candidate to withdraw", hint="`rollout-spec status` shows the candidates")
    return _changed(live, candidate=None, stage=None, fixes=None)


def promote(live: Live, stages: Sequence[str], quarantined: Collection[str]) -> Live:
    """Make the candidate stable. The old stable version becomes known good unless it is quarantined."""
    if live.candidate is None:
        raise UserError("there is no candidate to promote", hint=_PROPOSE)
    if live.stage != stages[-1]:
        stage = f"in {live.stage}" if live.stage else "in no stage"
        raise UserError(
            f"{live.candidate} is {stage}, not in the last stage, {stages[-1]}",
            hint=f"advance it to {stages[-1]} first",
        )
    added = [] if live.stable in quarantined else [live.stable]
    return _changed(
        live, stable=live.candidate, candidate=None, stage=None, fixes=None, known_good=[*added, *live.known_good]
    )


def retire(live: Live, version: str, eligible: Collection[str]) -> Live:
    """Remove a version from ``knownGood``. At least one rollback target must stay."""
    if version not in live.known_good:
        known = ", ".join(live.known_good)
        raise UserError(f"{version} is not in knownGood", hint=f"knownGood has {known}" if known else "it is empty")
    if not set(eligible) - {version}:
        raise UserError(f"without {version} there is no rollback target", hint="promote another version first")
    return _changed(live, known_good=[entry for entry in live.known_good if entry != version])


def roll_back_stable(live: Live, to: str) -> Live:
    """Make a known-good version stable.

    It and the entries before it leave ``knownGood``; the candidate is removed.
    """
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
    """Return the name of the step from ``before`` to ``after``, ``none`` if they are equal.

    None if it is not a single step. ``quarantined`` and ``eligible`` are the versions before the step. ``skippable``
    are the open incidents whose fix may skip stages.
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
    """Give each step that may lead from ``before`` to ``after``, with its result."""
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
    current = stages.index(before.stage) if before.stage in stages else -1
    end = len(stages) if after.fixes is not None and after.fixes in skippable else current + 2
    for stage in stages[current + 1 : end]:
        yield name, _changed(before, stage=stage, fixes=after.fixes or before.fixes)


def _changed(live: Live, **changes: object) -> Live:
    return live.model_copy(update=changes)


def _facts(live: Live) -> tuple[object, ...]:
    return live.stable, live.candidate, live.stage, live.fixes, tuple(live.known_good)
