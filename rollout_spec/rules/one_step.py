"""A change holds at most one step of a rollout.

Each step (propose, advance, retreat, withdraw, promote, retire, rollback) has one outcome, so that what a commit does to
traffic can be read off, approved, and undone. Two at once hide one of them; a change of ``live`` that is no step leads to
states from which the way back is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec import traffic
from rollout_spec.eligibility import eligible, quarantined
from rollout_spec.finding import Problem
from rollout_spec.rules.subject import Subject
from rollout_spec.spec.rollout import Live

KINDS = frozenset({"ModelRollout"})
NEEDS = "base"
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Look for the one step that leads from the base's ``live`` to this one."""
    assert subject.base is not None
    rollout, before = subject.model, subject.before
    live = rollout.spec.live
    if before is None:
        # A base without a workspace is one that adopts this tool: what was known good before is.
        if subject.base.workspace is not None and subject.base.file(subject.file.path, subject.file.kind) is None:
            yield from _bootstrap(live)
        return
    open_incidents = {
        file.stem
        for file in subject.repository.incidents_of(rollout.metadata.name)
        if file.model and file.model.spec.status == "open"
    }
    # A rollback brings its incident along, so that what it quarantines counts only after it.
    step = traffic.step_between(
        before.spec.live,
        live,
        [stage.name for stage in rollout.spec.stages],
        quarantined=quarantined(before, subject.base).keys(),
        eligible=eligible(before, subject.base),
        skippable=open_incidents,
    )
    if step is None:
        words = f"this is no one step: {_words(before.spec.live, live)}"
        yield Problem(
            ("spec", "live"), words, _next(before.spec.live, [stage.name for stage in rollout.spec.stages]), on_key=True
        )


def _bootstrap(live: Live) -> Iterator[Problem]:
    extra = [name for name, value in (("candidate", live.candidate), ("knownGood", live.known_good)) if value]
    if extra:
        words = (
            f"a new rollout begins with `stable` alone, and this one has {' and '.join(f'`{name}`' for name in extra)}"
        )
        yield Problem(
            ("spec", "live", extra[0]), words, "merge it with stable alone, then propose a candidate", on_key=True
        )


def _words(before: Live, after: Live) -> str:
    names = (
        ("stable", "stable"),
        ("candidate", "candidate"),
        ("stage", "stage"),
        ("fixes", "fixes"),
        ("known_good", "knownGood"),
    )
    changed = [
        (shown, getattr(before, name), getattr(after, name))
        for name, shown in names
        if getattr(before, name) != getattr(after, name)
    ]
    return ", ".join(f"{shown} from {_value(old)} to {_value(new)}" for shown, old, new in changed)


def _value(value: object) -> str:
    return "nothing" if value is None else f"[{', '.join(value)}]" if isinstance(value, list) else str(value)


def _next(before: Live, stages: list[str]) -> str:
    if before.candidate is None:
        return "from here: propose a candidate, alone or in the first stage, or retire a known-good version"
    if before.stage == stages[-1]:
        return f"from here: promote {before.candidate}, take it back to an earlier stage, or withdraw it"
    following = stages[stages.index(before.stage) + 1] if before.stage in stages else stages[0]
    return f"from here: advance {before.candidate} to {following}, take it back to an earlier stage, or withdraw it"
