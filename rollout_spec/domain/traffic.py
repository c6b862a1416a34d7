"""The traffic split of a rollout: a pure function of ``live`` and ``stages``."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from rollout_spec.core.units import format_share
from rollout_spec.spec.rollout import Match, RolloutSpec, Stage

PROMOTED = "promoted"
"""The place of a stable version. The field ``during`` uses this word beside the names of stages."""


@dataclass(frozen=True)
class TrafficSplit:
    """The traffic split. ``weight`` and ``mirror`` are the candidate's percentages.

    ``candidate`` is None if the candidate receives nothing.
    """

    stable: str
    candidate: str | None = None
    weight: Decimal = Decimal(0)
    mirror: Decimal = Decimal(0)
    match: Match | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that receive traffic, mirrored requests or matched requests."""
        stable = () if self.weight == 100 else (self.stable,)
        return stable if self.candidate is None else (*stable, self.candidate)

    @property
    def text(self) -> str:
        """The split in one line."""
        if self.candidate is None:
            return f"100% to {self.stable}"
        parts = [
            f"{format_share(percent)} to {version}"
            for percent, version in ((100 - self.weight, self.stable), (self.weight, self.candidate))
            if percent
        ]
        if self.mirror:
            parts.append(f"{format_share(self.mirror)} mirrored to {self.candidate}")
        if self.match:
            parts.append(f"{self.match.header}: {self.match.value} to {self.candidate}")
        return ", ".join(parts)


def stage_of(spec: RolloutSpec) -> Stage | None:
    """Return the stage of the candidate, or None."""
    return next((stage for stage in spec.stages if stage.name == spec.live.stage), None)


def split(spec: RolloutSpec) -> TrafficSplit:
    """Return the traffic split of a rollout."""
    live, stage = spec.live, stage_of(spec)
    if live.candidate is None or stage is None:
        return TrafficSplit(live.stable)
    weight, mirror = stage.weight or Decimal(0), stage.mirror or Decimal(0)
    if not weight and not mirror and not stage.match:
        return TrafficSplit(live.stable)
    return TrafficSplit(live.stable, live.candidate, weight, mirror, stage.match)


def stage_name_of(spec: RolloutSpec, version: str) -> str | None:
    """Return the stage of a version, ``promoted`` for stable, None if the version is not live."""
    if version == spec.live.candidate:
        return spec.live.stage
    return PROMOTED if version == spec.live.stable else None


def has_progressed(before: RolloutSpec, after: RolloutSpec) -> bool:
    """Return whether a new candidate was proposed, or the candidate has advanced."""
    names = [stage.name for stage in after.stages]
    old, new = (names.index(live.stage) if live.stage in names else -1 for live in (before.live, after.live))
    return after.live.candidate is not None and (before.live.candidate != after.live.candidate or new > old)
