"""Decide every other step of a rollout: its edits, its hold, and its texts.

Imports ``render`` and below. Pure: the clock and the history are arguments. Start with ``steps``, which turns a request
into a ``step_result``. ``live_changes`` changes ``live``, ``bootstrap`` writes a new rollout, ``hold`` checks whether a
stage lasted long enough, ``pull_request`` writes the texts.
"""

from __future__ import annotations

from rollout_spec.lifecycle.hold import HoldStatus, entry_commit, hold_status, needs_hold, stage_entry
from rollout_spec.lifecycle.live_changes import STEPS
from rollout_spec.lifecycle.step_result import Request, StepResult
from rollout_spec.lifecycle.steps import apply_step, rendered

__all__ = [
    "STEPS",
    "HoldStatus",
    "Request",
    "StepResult",
    "apply_step",
    "entry_commit",
    "hold_status",
    "needs_hold",
    "rendered",
    "stage_entry",
]
