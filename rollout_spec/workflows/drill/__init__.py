"""Rollbacks in memory from every state that a rollout can reach, each with its result checked.

Imports ``rollback``, ``checks`` and below. No git, network or clock, except in ``workspace``, which drills a checkout
and records the time. Start with ``states``; ``outcomes`` verifies each rollback.
"""

from __future__ import annotations

from rollout_spec.workflows.drill.outcomes import DrillOutcome, DrillVerdict, drill
from rollout_spec.workflows.drill.states import Reach

__all__ = ["DrillOutcome", "DrillVerdict", "Reach", "drill"]
