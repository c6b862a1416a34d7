"""The request for a step of a rollout, and the step's result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout_spec.domain import traffic
from rollout_spec.spec.rollout import ModelRollout, Stage

REFUSED = 1
"""Exit status: the step is known, and may not be taken."""


@dataclass(frozen=True)
class Request:
    """What somebody asks for. ``record`` and ``settings`` are plain data, as a file would hold them."""

    step: str
    rollout: str
    version: str | None = None
    to: str | None = None
    fixes: str | None = None
    advance: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepResult:
    """What becomes of it: ``edits`` by their paths in the workspace. ``before`` and ``after`` are the rollout, read."""

    name: str
    rollout: str
    version: str
    path: str
    before: ModelRollout | None
    after: ModelRollout
    edits: Mapping[str, bytes | None]

    @property
    def entered_stage(self) -> str | None:
        """The stage that the candidate enters, on its way forward."""
        if self.name not in ("propose", "advance") or self.before is None:
            return None
        return self.after.spec.live.stage

    @property
    def left_stage(self) -> Stage | None:
        """The stage that the candidate leaves, on its way forward, and that is held so long as it says."""
        return traffic.stage_of(self.before.spec) if self.before and self.name in ("advance", "promote") else None

    @property
    def approvals(self) -> tuple[str, ...]:
        """The stages with ``approval: manual`` that the candidate enters, or skips on its way."""
        if self.entered_stage is None or self.before is None:
            return ()
        stages = self.after.spec.stages
        names = [stage.name for stage in stages]
        then = self.before.spec.live
        start = names.index(then.stage) + 1 if self.name == "advance" and then.stage in names else 0
        passed = stages[start : names.index(self.entered_stage) + 1]
        return tuple(stage.name for stage in passed if stage.approval == "manual")

    @property
    def needs_approval(self) -> bool:
        """Return whether a person has to approve it."""
        return bool(self.approvals)
