"""The request for a step of a rollout, and the step's result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout_spec.domain import traffic
from rollout_spec.spec.rollout import ModelRollout, Stage

REFUSED = 1
"""The exit status of a step that is known but not allowed."""


@dataclass(frozen=True)
class Request:
    """The request for a step. ``record`` and ``settings`` are plain data, as in a file."""

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
    """The result of a step: its ``edits``, and the rollout before and after it.

    ``edits`` are by path in the workspace.
    """

    name: str
    rollout: str
    version: str
    path: str
    before: ModelRollout | None
    after: ModelRollout
    edits: Mapping[str, bytes | None]

    @property
    def entered_stage(self) -> str | None:
        """The stage that the candidate enters by a step forward."""
        if self.name not in ("propose", "advance") or self.before is None:
            return None
        return self.after.spec.live.stage

    @property
    def left_stage(self) -> Stage | None:
        """The stage that the candidate leaves by a step forward, for which its hold must be over."""
        return traffic.stage_of(self.before.spec) if self.before and self.name in ("advance", "promote") else None

    @property
    def approvals(self) -> tuple[str, ...]:
        """The stages with ``approval: manual`` that the candidate enters or skips."""
        if self.entered_stage is None or self.before is None:
            return ()
        stages = self.after.spec.stages
        names = [stage.name for stage in stages]
        before = self.before.spec.live.stage
        start = names.index(before) + 1 if self.name == "advance" and before in names else 0
        entered_or_skipped = stages[start : names.index(self.entered_stage) + 1]
        return tuple(stage.name for stage in entered_or_skipped if stage.approval == "manual")

    @property
    def needs_approval(self) -> bool:
        """Return whether a person must approve the step."""
        return bool(self.approvals)
