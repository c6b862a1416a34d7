"""The fields that all files share: ``apiVersion`` and ``metadata``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rollout_spec.spec.fields import Name
from rollout_spec.spec.model import Model

Tier = Literal["critical", "standard", "experimental"]
ApiVersion = Annotated[
    Literal["rollout-spec/v1"], Field(description="The version of this format.", examples=["rollout-spec/v1"])
]


class Metadata(Model):
    """The name and the owner of a file's subject."""

    name: Name = Field(
        description="A DNS-1123 label, unique among files of this kind and equal to the file's stem.",
        examples=["fraud"],
    )
    namespace: Name | None = Field(
        None, description="The Kubernetes namespace of the manifests; `default` if absent.", examples=["ml"]
    )
    owner: str | None = Field(None, description="The responsible team.", examples=["team-risk"])
    tier: Tier | None = Field(
        None, description="Its importance: policies require more of critical rollouts.", examples=["critical"]
    )
    description: str | None = Field(
        None,
        description="A description for a reader who does not know it.",
        examples=["Scores card payments for fraud."],
    )
    labels: dict[str, str] | None = Field(
        None,
        description="Your own labels. The tool copies them, and does not interpret them.",
        examples=[{"cost-center": "cc-7"}],
    )
