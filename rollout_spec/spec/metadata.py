"""Every file says what it is and whose: ``apiVersion``, ``kind``, ``metadata``; what it demands stands in ``spec``."""

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
    """Who this is, and who answers for it."""

    name: Name = Field(
        description="A DNS-1123 label, unique among files of this kind and equal to the file's stem.",
        examples=["fraud"],
    )
    namespace: Name | None = Field(
        None, description="The Kubernetes namespace of what is rendered; `default` where absent.", examples=["ml"]
    )
    owner: str | None = Field(None, description="The team that answers for it.", examples=["team-risk"])
    tier: Tier | None = Field(
        None, description="How much depends on it: policies ask more of critical rollouts.", examples=["critical"]
    )
    description: str | None = Field(None, description="What it is, for a reader who has never heard of it.")
    labels: dict[str, str] | None = Field(
        None,
        description="Labels of your own; the tool carries them and reads none.",
        examples=[{"cost-center": "cc-7"}],
    )
