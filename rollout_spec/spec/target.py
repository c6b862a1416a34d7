"""A render target is a folder of templates with ``target.yaml``: its options, what it owns, what it cannot express."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rollout_spec.spec.fields import Model, Text


class Option(Model):
    """One option that a rollout may set on the target."""

    type: Literal["text", "integer", "boolean", "duration", "mapping"] = Field(description="What it is.")
    description: Text = Field(description="What it does.")
    required: bool = Field(False, description="true: a rollout must set it.")
    default: Any = Field(None, description="What it is where a rollout does not set it.")
    minimum: int | None = Field(None, description="The least that an integer may be.")
    choices: list[str] | None = Field(None, description="All that a text may be.")
    fields: dict[str, Option] | None = Field(None, description="The fields of a mapping.")


class Template(Model):
    """One template, which gives one document of the manifest each time it is filled in."""

    file: Text = Field(description="Its name in the target's folder.")
    each: Literal["rollout", "version"] = Field(
        "rollout", description="Once for the rollout, or once for each version that is kept up."
    )


class TargetDefinition(Model):
    """What a target is."""

    description: Text = Field(description="What is rendered, in a line.")
    owns: Literal["workloads", "traffic", "alerts"] = Field(description="What its manifests decide.")
    renders: list[Literal["split"]] = Field(
        [], description="split: its manifests divide requests among versions, as `live` and `stages` say."
    )
    templates: list[Template] = Field(min_length=1, description="What is filled in, in the order of the manifest.")
    options: dict[str, Option] = Field({}, description="What a rollout may say about it.")
    needs: list[str] = Field([], description="Fields that the record of each rendered version must have.")
    cannot: list[Text] = Field([], description="What it cannot express.")

    @property
    def renders_split(self) -> bool:
        """Return whether its manifests divide requests among versions; what owns the traffic does."""
        return self.owns == "traffic" or "split" in self.renders
