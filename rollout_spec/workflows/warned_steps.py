"""Comments on the open lifecycle steps of a rollout that is rolled back; gated ones are held."""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle.pull_request import GATED
from rollout_spec.rollback import Rollback
from rollout_spec.rollback.pull_request import step_warning
from rollout_spec.workflows.base_branch import Base

_MOST_STEPS = 20
"""The number of branches of steps that the forge is asked about: anybody may push thousands."""


def warn_open_steps(
    rollback: Rollback, url: str, branches: Sequence[str], base: Base, forge: Forge, notes: list[str]
) -> None:
    """Cancel the auto-merge of open gated steps, then comment on all open steps, and add notes.

    The gate was right before the breach. Auto-merge that a person enabled for another step stays.
    """
    steps = [forge.find(branch, base.branch) for branch in branches[:_MOST_STEPS]]
    open_steps = [step for step in steps if step is not None and step.state == "open"]
    for step in open_steps:
        if step.auto_merge_enabled and GATED in step.labels:  # before a comment, which the forge may refuse
            forge.hold(step)
            notes.append(f"{step.url} is held: it does not merge by itself any more")
    for step in open_steps:
        forge.comment(step, f"rollback-{rollback.incident}", step_warning(rollback, url))
        notes.append(f"{step.url} is open too; a comment there names this rollback")
    if (missed := len(branches) - _MOST_STEPS) > 0:
        notes.append(f"{missed:,} more branches are named like steps of {rollback.rollout}, and were not looked at")
