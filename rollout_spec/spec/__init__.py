"""The pydantic models of every file a user writes, and the JSON Schemas made from them.

Imports ``core``. Start with ``rollout``; ``fields`` and ``quantities`` define the types of values. Modules import each
other in this order: ``validators``, ``fields``, ``metadata``, one module for each kind. ``model_of`` imports the models
of a kind at their first use, so the check of a component does not load those of rollouts.
"""

from __future__ import annotations

from typing import Any

from rollout_spec.spec.kinds import FOLDERS, KINDS, PAUSE

__all__ = ["FOLDERS", "KINDS", "model_of"]


def model_of(kind: str) -> Any:
    """Return the pydantic model of a kind: one of ``KINDS``, or ``PAUSE``."""
    if kind == "ModelRollout":
        from rollout_spec.spec.rollout import ModelRollout as model
    elif kind == "Component":
        from rollout_spec.spec.component import Component as model  # type: ignore[assignment]
    elif kind == "Incident":
        from rollout_spec.spec.incident import Incident as model  # type: ignore[assignment]
    elif kind == "Workspace":
        from rollout_spec.spec.workspace import Workspace as model  # type: ignore[assignment]
    elif kind == "PolicyPack":
        from rollout_spec.spec.policy_pack import PolicyPack as model  # type: ignore[assignment]
    elif kind == PAUSE:
        from rollout_spec.spec.pause import PauseFile as model  # type: ignore[assignment]
    else:
        raise KeyError(kind)
    return model
