"""A component is a feature view, schema, preprocessing step or runtime that versions of models pin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rollout_spec.spec.fields import Text, Version
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model


class ComponentSpec(Model):
    """What is up now."""

    type: Literal["feature", "schema", "preprocessing", "runtime", "model"] = Field(
        description="What it is; `model`: a shared base."
    )
    serving: list[Version] = Field(description="The versions that are up now, side by side.", examples=[["11", "12"]])
    exclusive: bool = Field(False, description="true: one version at a time, so that `serving` has one entry.")
    applied_by: Literal["git", "external"] = Field(
        "git", description="git: what is deployed follows this file; external: a person or another system does it."
    )
    contract: Text | None = Field(
        None,
        description="For schemas: where the JSON Schema of each version is, checked for compatibility.",
        examples=["contracts/user-profile/{version}.schema.json"],
    )


class Component(Model):
    """A feature view, schema, preprocessing step or runtime that versions pin."""

    api_version: ApiVersion
    kind: Literal["Component"] = Field(description="What this file is.")
    metadata: Metadata
    spec: ComponentSpec
