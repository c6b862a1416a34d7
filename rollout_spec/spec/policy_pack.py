"""A policy pack says what an organization demands, each demand with its reason and examples of both sides."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rollout_spec.spec.fields import Name
from rollout_spec.spec.metadata import ApiVersion, Metadata, Tier
from rollout_spec.spec.model import Model


class PolicyMatch(Model):
    """Which rollouts a policy is about."""

    tier: list[Tier] | None = Field(None, min_length=1, description="Rollouts of these tiers.", examples=[["critical"]])
    names: list[Name] | None = Field(None, min_length=1, description="Rollouts of these names.", examples=[["fraud"]])
    labels: dict[str, str] | None = Field(None, description="Rollouts with these labels.")


class Policy(Model):
    """One demand."""

    name: Name = Field(description="What it is called in findings.", examples=["first-stage-small"])
    severity: Literal["error", "warning", "info"] = Field(
        "error", description="What a rollout that does not meet it gets."
    )
    match: PolicyMatch | None = Field(None, description="Which rollouts it is about; all where absent.")
    expression: str = Field(
        min_length=1, description="CEL over rollout, base, components, incidents, workspace, now; true: it is met."
    )
    at: str | None = Field(
        None, description="Where the finding points; the rollout's name where absent.", examples=["spec.stages"]
    )
    message: str = Field(min_length=1, description="What the finding says.")
    why: str = Field(min_length=1, description="Why it is demanded.")
    passes: list[dict[str, Any]] = Field(
        [], description="Parts of a rollout that meet it; each is laid over the one of the example workspace."
    )
    fails: list[dict[str, Any]] = Field([], description="Parts of a rollout that do not meet it.")


class PolicyPackSpec(Model):
    """The demands."""

    policies: list[Policy] = Field(min_length=1, description="The demands.")


class PolicyPack(Model):
    """What an organization demands of its rollouts."""

    api_version: ApiVersion
    kind: Literal["PolicyPack"] = Field(description="What this file is.")
    metadata: Metadata
    spec: PolicyPackSpec
