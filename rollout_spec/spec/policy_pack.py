"""Policy packs: requirements of an organization for rollouts, each with its reason and examples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rollout_spec.spec.fields import Name
from rollout_spec.spec.metadata import ApiVersion, Metadata, Tier
from rollout_spec.spec.model import Model


class PolicyMatch(Model):
    """The rollouts to which a policy applies."""

    tier: list[Tier] | None = Field(None, min_length=1, description="Rollouts of these tiers.", examples=[["critical"]])
    names: list[Name] | None = Field(None, min_length=1, description="Rollouts of these names.", examples=[["fraud"]])
    labels: dict[str, str] | None = Field(None, description="Rollouts with these labels.", examples=[{"pci": "yes"}])


class Policy(Model):
    """One requirement."""

    name: Name = Field(description="Its name in findings.", examples=["first-stage-small"])
    severity: Literal["error", "warning", "info"] = Field(
        "error", description="The severity of the finding if a rollout fails it."
    )
    match: PolicyMatch | None = Field(None, description="The rollouts to which it applies; all if absent.")
    expression: str = Field(
        min_length=1,
        description="CEL over rollout, base, components, incidents, workspace, now; true: it passes.",
        examples=["rollout.metadata.owner != null"],
    )
    at: str | None = Field(
        None, description="The field of the finding; the rollout's name if absent.", examples=["spec.stages"]
    )
    message: str = Field(min_length=1, description="The message of the finding.", examples=["the rollout has no owner"])
    message_expression: str | None = Field(
        None,
        min_length=1,
        description="CEL that gives the message as text, over the same variables; `message` replaces it if it fails.",
        examples=["rollout.metadata.name + ' has no owner'"],
    )
    hint: str | None = Field(
        None,
        min_length=1,
        description="What to do about the finding: the field or the option that mends it.",
        examples=["name the team in metadata.owner"],
    )
    why: str = Field(
        min_length=1, description="The reason of the requirement.", examples=["Somebody must answer for it at night."]
    )
    passes: list[dict[str, Any]] = Field(
        [],
        description="Parts of a rollout that pass; each is merged into the rollout of the example workspace.",
        examples=[[{"metadata": {"owner": "team-risk"}}]],
    )
    fails: list[dict[str, Any]] = Field(
        [], description="Parts of a rollout that fail.", examples=[[{"metadata": {"owner": None}}]]
    )


class PolicyPackSpec(Model):
    """The policies of a pack."""

    policies: list[Policy] = Field(min_length=1, description="The policies.")


class PolicyPack(Model):
    """Requirements of an organization for its rollouts."""

    api_version: ApiVersion
    kind: Literal["PolicyPack"] = Field(description="The kind of this file.")
    metadata: Metadata
    spec: PolicyPackSpec
