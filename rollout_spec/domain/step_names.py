"""The name of a past step, from the states of a rollout before and after it."""

from __future__ import annotations

from dataclasses import dataclass

from rollout_spec.domain import traffic
from rollout_spec.domain.transitions import step_between
from rollout_spec.spec.rollout import Live, RolloutSpec

_PAST = {
    "propose": "proposed",
    "propose and advance": "proposed",
    "advance": "advanced",
    "retreat": "retreated",
    "withdraw": "withdrawn",
    "promote": "promoted",
    "retire": "retired",
    "rollback": "rolled back",
}
ROLLED_BACK = "rolled back"
CHANGED = "changed"
"""A change of ``live`` that is not a single step."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class FileState:
    """The file of a rollout at one commit. ``spec`` is None if it is absent, or does not load."""

    exists: bool
    spec: RolloutSpec | None = None

    @property
    def is_known(self) -> bool:
        """Return whether the traffic split then is known."""
        return self.spec is not None or not self.exists

    @property
    def split(self) -> traffic.TrafficSplit | None:
        """The traffic split, None if it is unknown or there is none."""
        return traffic.split(self.spec) if self.spec is not None else None


def name_of(before: FileState, after: FileState, failed: str | None) -> tuple[str, str | None]:
    """Return the name of a change in the past tense, and the version that it is about.

    ``failed`` is the version of the incident that came with the change, None if none did. A rollback of a candidate
    leaves the same ``live`` as a withdrawal: the incident makes the difference.
    """
    if not before.is_known or not after.is_known:
        return UNKNOWN, None
    if after.spec is None:
        return "deleted", None
    if before.spec is None:
        return "bootstrapped", after.spec.live.stable
    old, new = before.spec.live, after.spec.live
    step = _step(before.spec, after.spec)
    if step == "none":
        return _edit(before.spec, after.spec)
    if step == "withdraw" and failed is not None and failed == old.candidate:
        return ROLLED_BACK, failed
    if step is None:
        return CHANGED, None
    return _PAST[step], _version(step, old, new)


def differences(before: Live, after: Live) -> str:
    """Return the changed fields of ``live`` in one line: ``candidate 42 -> 43, stage shadow -> canary-5``."""
    fields = ("stable", "candidate", "stage", "fixes", "known_good")
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in fields)
    return ", ".join(
        f"{'knownGood' if name == 'known_good' else name} {_text(old)} -> {_text(new)}"
        for name, old, new in pairs
        if old != new
    )


def _text(value: object) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value or "none")


def _edit(before: RolloutSpec, after: RolloutSpec) -> tuple[str, str | None]:
    """Return the name of a change that leaves ``live``."""
    added = [version for version in after.versions if version not in before.versions]
    return ("recorded", ", ".join(added)) if added else ("edited", None)


def _version(step: str, before: Live, after: Live) -> str | None:
    if step == "retire":
        return next((version for version in before.known_good if version not in after.known_good), None)
    if step == "rollback":
        return before.stable
    return after.stable if step == "promote" else after.candidate or before.candidate


def _step(before: RolloutSpec, after: RolloutSpec) -> str | None:
    """Return the step from one state to the next; None if it is not a single one.

    The quarantines at that time are not looked up. They decide only if the old stable version became known good.
    """
    old, new = before.live, after.live
    stages = [stage.name for stage in after.stages]
    restored = [new.stable] if new.stable in old.known_good else []
    eligible = [*restored, *old.known_good, ""] if old.known_good else []
    for quarantined in ((), (old.stable,)):
        skippable = () if new.fixes is None else (new.fixes,)
        step = step_between(old, new, stages, quarantined=quarantined, eligible=eligible, skippable=skippable)
        if step is not None:
            return step
    return None
