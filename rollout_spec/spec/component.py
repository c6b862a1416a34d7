"""Components: feature views, schemas, preprocessing steps, runtimes and base models that versions pin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rollout_spec.spec.fields import Text, Version
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model


class ComponentSpec(Model):
    """The served versions of a component."""

    type: Literal["feature", "schema", "preprocessing", "runtime", "model"] = Field(
        description="The type of the component; `model`: a base model that several models share."
    )
    serving: list[Version] = Field(description="The served versions, side by side.", examples=[["11", "12"]])
    exclusive: bool = Field(False, description="true: only one version is served at a time.")
    applied_by: Literal["git", "external"] = Field(
        "git", description="git: the deployment follows this file; external: a person or another system deploys it."
    )
    contract: Text | None = Field(
        None,
        description="For schemas: the path of the JSON Schema of each version, checked for compatibility.",
        examples=["contracts/user-profile/{version}.schema.json"],
    )


class Component(Model):
    """A feature view, schema, preprocessing step, runtime or base model that versions pin."""

    api_version: ApiVersion
    kind: Literal["Component"] = Field(description="The kind of this file.")
    metadata: Metadata
    spec: ComponentSpec
