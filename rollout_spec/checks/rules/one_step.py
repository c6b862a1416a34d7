"""A change holds at most one step of a rollout.

Each step (propose, advance, retreat, withdraw, promote, retire, rollback) has one outcome, so that what a commit does
to traffic can be read off, approved, and undone. Two at once hide one of them; a change of ``live`` that is no step
leads to states from which the way back is unknown. Stages that the same change edits or removes are no shorter way:
while a candidate is in a stage, the step must be one by the stages as they were, and by those that they become, and
that stage keeps its weight, mirror and match. A candidate that ``fixes`` an incident may skip stages while that one is
open: before the change as after it, so that no change opens the incident which lets it skip them. A file that does not
load on the base is mended with ``live`` as it stands there.

Fails::

    spec:
      live: {candidate: "42", stage: full}    # the base is at canary-5, and ab-50 comes first

Passes::

    spec:
      live: {candidate: "42", stage: ab-50}
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.domain import traffic, transitions
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.spec.rollout import Live, ModelRollout, RolloutSpec
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

KINDS = frozenset({"ModelRollout"})
NEEDS = "base"
UNCONDITIONAL = True

_LIVE = re.compile(r"^  live:.*\n(?:(?: {3,}.*| *)\n)*", re.MULTILINE)


def check(subject: Subject) -> Iterator[Problem]:
    """Look for the one step that leads from the base's ``live`` to this one."""
    assert subject.base is not None
    rollout, before = subject.model, subject.before
    if before is None:
        # A base without a workspace is one that adopts this tool: what was known good before is.
        there = subject.base.file(subject.file.path, subject.file.kind)
        if there is not None:
            yield from _mended(there, subject.file)
        elif subject.base.workspace is not None:
            yield from _bootstrap(rollout.spec.live)
        return
    then, now = before.spec.live, rollout.spec.live
    # A rollback brings its incident along, which quarantines records of the same bytes too: it passes those over.
    away, later = quarantined(before, subject.base).keys(), quarantined(rollout, subject.repository)
    ways = [version for version in rollback_targets(before, subject.base) if version not in later]
    plans = _plans(before.spec, rollout.spec)

    def is_step(skippable: Collection[str]) -> bool:
        return all(
            transitions.step_between(then, now, stages, quarantined=away, eligible=ways, skippable=skippable)
            for stages in plans
        )

    if is_step(_open(rollout, subject.base) & _open(rollout, subject.repository)):
        if now.candidate == then.candidate and now.stage == then.stage:
            yield from _moved(before.spec, rollout.spec)
    elif now.fixes is not None and is_step({now.fixes}):
        yield _not_open(subject, plans[0])
    else:
        hint = _meant(then, now, plans[0], away, ways)
        if plans[0] != plans[-1]:
            hint += "; stages that this change adds or removes count from the next one on"
        yield Problem(("spec", "live"), f"this is no one step: {_words(then, now)}", hint, on_key=True)


def _mended(before: File[ModelRollout], after: File[ModelRollout]) -> Iterator[Problem]:
    """Point at ``live`` if it differs from that of a base that does not load: from there no step can be told."""
    live, lines = ([read(file) for file in (before, after)] for read in (_live, _lines))
    if all(then is None or then != now for then, now in (live, lines)):
        words = "this file does not load on the base, so that it cannot be told which step this is"
        hint = "mend it with `live` as it is on the base, and take the step in a change of its own"
        yield Problem(("spec", "live"), words, hint, on_key=True)


def _live(file: File[ModelRollout]) -> object:
    """Return the data of ``live``; None if it cannot be read."""
    data: object = file.document.data
    spec = data.get("spec") if isinstance(data, dict) else None
    return spec.get("live") if isinstance(spec, dict) else None


def _lines(file: File[ModelRollout]) -> list[str] | None:
    """Return the lines of ``live`` in a text that may be no YAML; None if there are none, or several such blocks."""
    found = _LIVE.findall(file.document.text.replace("\r\n", "\n"))
    return [line.rstrip() for line in found[0].splitlines() if line.strip()] if len(found) == 1 else None


def _moved(before: RolloutSpec, after: RolloutSpec) -> Iterator[Problem]:
    """Only ``live`` moves traffic: the stage that a candidate is in stays as it was when it was entered."""
    then, now = traffic.stage_of(before), traffic.stage_of(after)
    for field in ("weight", "mirror", "match"):
        if then and now and getattr(then, field) != getattr(now, field):
            at = ("spec", "stages", after.stages.index(now), field)
            words = f"{after.live.candidate} is in {now.name}, and this moves its traffic without a step"
            yield Problem(at, words, "edit a stage that nothing is in, or add one and advance to it")


def _plans(before: RolloutSpec, after: RolloutSpec) -> list[list[str]]:
    """Return the names of the stages; as they were, too, where a candidate is in one: no way is cut in passing."""
    specs = (before, after) if before.live.stage is not None else (after,)
    return [[stage.name for stage in spec.stages] for spec in specs]


def _open(rollout: ModelRollout, repository: Repository) -> set[str]:
    """Return the open incidents of a rollout."""
    files = repository.incidents_of(rollout.metadata.name)
    return {file.stem for file in files if file.model and file.model.spec.status == "open"}


def _not_open(subject: Subject, stages: Sequence[str]) -> Problem:
    """Say why the incident that the candidate fixes lets it skip no stages, and which stage is next."""
    assert subject.base is not None
    then, now = subject.before.spec.live, subject.model.spec.live
    here = stages.index(then.stage) if then.stage in stages and then.candidate == now.candidate else -1
    if now.fixes in _open(subject.model, subject.repository):
        why, first = "is not open before this change", "merge the incident first"
    elif now.fixes in _open(subject.model, subject.base):
        why, first = "this change resolves", "resolve it in a later change"
    else:
        why, first = "is resolved", "name one that is open"
    words = f"this skips stages for {now.fixes}, which {why}"
    return Problem(("spec", "live"), words, f"{first}, or advance {now.candidate} to {stages[here + 1]}", on_key=True)


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


def _meant(before: Live, after: Live, stages: Sequence[str], away: Collection[str], ways: Sequence[str]) -> str:
    """Say how the step that was probably meant is taken, or which steps there are."""
    candidate = before.candidate
    if candidate is None and after.stable not in before.known_good:
        return "from here: propose a candidate, alone or in the first stage, or retire a known-good version"
    if candidate is not None and after.stable == candidate:
        if before.stage != stages[-1]:
            return f"{candidate} is promoted from {stages[-1]}, the last stage"
        return f"promoting {candidate} leaves {_left(transitions.promote(before, stages, away))}"
    if after.stable in before.known_good:
        if not ways:
            return "no version in knownGood may be gone back to"
        left = _left(transitions.roll_back_stable(before, ways[0]))
        return f"a rollback goes to {ways[0]}, the first that may serve, and leaves {left}"
    if before.stage == stages[-1]:
        return f"from here: promote {candidate}, take it back to an earlier stage, or withdraw it"
    here = stages.index(before.stage) if before.stage in stages else -1
    back = ", take it back to an earlier stage" if here > 0 else ""
    return f"from here: advance {candidate} to {stages[here + 1]}{back}, or withdraw it"


def _left(live: Live) -> str:
    return f"`knownGood: {_value(live.known_good)}` and no candidate"
