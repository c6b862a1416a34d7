"""A change contains at most one step of a rollout.

Each step (propose, advance, retreat, withdraw, promote, retire, rollback) has one outcome, so the effect of a commit on
traffic can be read, approved and undone. Two steps at once hide one of them. A change of ``live`` that is not a step
leads to a state without a known rollback.

Edits of stages do not make a step shorter. While a candidate is in a stage, the step must be one by the stages before
the change and by those after it, and the candidate's stage keeps its weight, mirror and match. A candidate that
``fixes`` an incident may skip stages while that incident is open both before and after the change, so that no change
opens the incident that lets it skip them. If the file does not load on the base, repair it without a change of
``live``.

Fails::

    spec:
      live: {candidate: "42", stage: full}    # the base is in canary-5, and ab-50 is next

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
    """Check that a single step leads from the base's ``live`` to this one."""
    assert subject.base is not None
    rollout, before = subject.model, subject.before
    if before is None:
        # A base without a workspace adopts this tool: its known-good versions are accepted.
        file = subject.base.file(subject.file.path, subject.file.kind)
        if file is not None:
            yield from _step_while_repaired(file, subject.file)
        elif subject.base.workspace is not None:
            yield from _bootstrap(rollout.spec.live)
        return
    then, now = before.spec.live, rollout.spec.live
    # The incident of a rollback quarantines records of the same bytes too, so these are skipped.
    quarantined_before, quarantined_after = (
        quarantined(before, subject.base).keys(),
        quarantined(rollout, subject.repository),
    )
    targets = [version for version in rollback_targets(before, subject.base) if version not in quarantined_after]
    plans = _stage_lists(before.spec, rollout.spec)

    def is_step(skippable: Collection[str]) -> bool:
        return all(
            transitions.step_between(
                then, now, stages, quarantined=quarantined_before, eligible=targets, skippable=skippable
            )
            for stages in plans
        )

    if is_step(_open(rollout, subject.base) & _open(rollout, subject.repository)):
        if now.candidate == then.candidate and now.stage == then.stage:
            yield from _traffic_moved(before.spec, rollout.spec)
    elif now.fixes is not None and is_step({now.fixes}):
        yield _not_open(subject, plans[0])
    else:
        hint = _hint(then, now, plans[0], quarantined_before, targets)
        if plans[0] != plans[-1]:
            hint += "; stages that this change adds or removes count from the next change on"
        message = f"this change is not a single step: {_differences(then, now)}"
        yield Problem(("spec", "live"), message, hint, on_key=True)


def _step_while_repaired(before: File[ModelRollout], after: File[ModelRollout]) -> Iterator[Problem]:
    """Yield a problem if ``live`` differs from a base that does not load, because the step is unknown."""
    live, lines = ([read(file) for file in (before, after)] for read in (_live, _lines))
    if all(then is None or then != now for then, now in (live, lines)):
        message = "cannot tell which step this is: the file does not load on the base"
        hint = "repair the file with `live` as it is on the base, and take the step in another change"
        yield Problem(("spec", "live"), message, hint, on_key=True)


def _live(file: File[ModelRollout]) -> object:
    """Return the data of ``live``, or None if it cannot be read."""
    data: object = file.document.data
    spec = data.get("spec") if isinstance(data, dict) else None
    return spec.get("live") if isinstance(spec, dict) else None


def _lines(file: File[ModelRollout]) -> list[str] | None:
    """Return the lines of ``live`` in a text that may not be YAML, or None unless there is one such block."""
    blocks = _LIVE.findall(file.document.text.replace("\r\n", "\n"))
    return [line.rstrip() for line in blocks[0].splitlines() if line.strip()] if len(blocks) == 1 else None


def _traffic_moved(before: RolloutSpec, after: RolloutSpec) -> Iterator[Problem]:
    """Yield a problem for each edit of the candidate's stage: only ``live`` may move traffic."""
    then, now = traffic.stage_of(before), traffic.stage_of(after)
    for field in ("weight", "mirror", "match"):
        if then and now and getattr(then, field) != getattr(now, field):
            at = ("spec", "stages", after.stages.index(now), field)
            message = f"this moves the traffic of {after.live.candidate}, which is in {now.name}, without a step"
            yield Problem(at, message, "edit a stage without a candidate, or add one and advance to it")


def _stage_lists(before: RolloutSpec, after: RolloutSpec) -> list[list[str]]:
    """Return the stages by which the step must be one: those before too, if a candidate is in a stage."""
    specs = (before, after) if before.live.stage is not None else (after,)
    return [[stage.name for stage in spec.stages] for spec in specs]


def _open(rollout: ModelRollout, repository: Repository) -> set[str]:
    """Return the open incidents of a rollout."""
    files = repository.incidents_of(rollout.metadata.name)
    return {file.stem for file in files if file.model and file.model.spec.status == "open"}


def _not_open(subject: Subject, stages: Sequence[str]) -> Problem:
    """Return the problem of a candidate that skips stages without an open incident."""
    assert subject.base is not None
    then, now = subject.before.spec.live, subject.model.spec.live
    position = stages.index(then.stage) if then.stage in stages and then.candidate == now.candidate else -1
    if now.fixes in _open(subject.model, subject.repository):
        why, first = "is not open before this change", "merge the incident with `status: open` first"
    elif now.fixes in _open(subject.model, subject.base):
        why, first = "this change resolves", "leave its `status: open`, and resolve it later"
    else:
        why, first = "is resolved", "name one with `status: open`"
    message = f"this skips stages with `fixes: {now.fixes}`, which {why}"
    return Problem(
        ("spec", "live"), message, f"{first}, or advance {now.candidate} to {stages[position + 1]}", on_key=True
    )


def _bootstrap(live: Live) -> Iterator[Problem]:
    extra = [name for name, value in (("candidate", live.candidate), ("knownGood", live.known_good)) if value]
    if extra:
        names = " and ".join(f"`{name}`" for name in extra)
        message = f"a new rollout must start with `stable` alone; this one has {names}"
        hint = "merge it with `stable` alone, then propose a candidate"
        yield Problem(("spec", "live", extra[0]), message, hint, on_key=True)


def _differences(before: Live, after: Live) -> str:
    """Return the fields that change, each with its old and new value."""
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
    return ", ".join(f"{shown} changes from {_value(old)} to {_value(new)}" for shown, old, new in changed)


def _value(value: object) -> str:
    return "nothing" if value is None else f"[{', '.join(value)}]" if isinstance(value, list) else str(value)


def _hint(
    before: Live, after: Live, stages: Sequence[str], quarantines: Collection[str], targets: Sequence[str]
) -> str:
    """Return how to take the step that was probably meant, or which steps are possible."""
    candidate = before.candidate
    if candidate is None and after.stable not in before.known_good:
        return "propose a candidate, alone or in the first stage, or retire a known-good version"
    if candidate is not None and after.stable == candidate:
        if before.stage != stages[-1]:
            return f"promote {candidate} from {stages[-1]}, the last stage"
        return f"to promote {candidate}, write {_result(transitions.promote(before, stages, quarantines))}"
    if after.stable in before.known_good:
        if not targets:
            return "there is no rollback target in knownGood"
        left = _result(transitions.roll_back_stable(before, targets[0]))
        return f"to roll back, restore {targets[0]}, the first rollback target, and write {left}"
    if before.stage == stages[-1]:
        return f"promote {candidate}, retreat it to an earlier stage, or withdraw it"
    position = stages.index(before.stage) if before.stage in stages else -1
    back = ", retreat it to an earlier stage" if position > 0 else ""
    return f"advance {candidate} to {stages[position + 1]}{back}, or withdraw it"


def _result(live: Live) -> str:
    return f"`knownGood: {_value(live.known_good)}` and no candidate"
