"""An incident is written by a rollback; until it is resolved as cleared, the failed version is quarantined."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Commit, Name, Text, Url, Version
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model
from rollout_spec.spec.quantities import Number, Time

_NEEDED = ("verdict", "reproduced", "rootCause", "resolution")


class IncidentEvidence(Model):
    """What was seen."""

    summary: str | None = Field(None, description="What the monitor said.")
    value: Number | None = Field(None, description="The value of the metric.", examples=[0.081])
    url: Url | None = Field(None, description="Where to look.")


class Reproduced(Model):
    """Where the failure was seen again."""

    environment: Text = Field(description="Where.", examples=["staging"])
    link: Url | None = Field(None, description="What shows it.")


class IncidentSpec(Model):
    """What failed, what was restored, and how it ended."""

    rollout: Name = Field(description="The rollout.", examples=["fraud"])
    failed_version: Version = Field(description="The version that failed; its record stays.", examples=["42"])
    restored_version: Version | None = Field(
        description="The version that was restored; null: there was no way back.", examples=["41"]
    )
    trigger: Name | None = Field(None, description="The trigger that told, where one did.", examples=["serving-errors"])
    source: Text = Field(description="Who told.", examples=["alertmanager", "manual"])
    observed_at: Time = Field(description="When it was seen.")
    stage: Name | None = Field(None, description="The stage, or `promoted`.", examples=["canary-5", "promoted"])
    reverts: list[Commit] = Field([], description="The commits that the rollback undid.")
    evidence: IncidentEvidence | None = Field(None, description="What was seen.")
    status: Literal["open", "resolved"] = Field(description="open until somebody knows what happened.")
    verdict: Literal["bad", "cleared"] | None = Field(
        None, description="bad: the version stays quarantined for good; cleared: it was something else."
    )
    reproduced: Reproduced | None = Field(None, description="Where the failure was seen again.")
    root_cause: str | None = Field(None, description="Why it failed.")
    resolution: str | None = Field(None, description="What was done about it.")

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"status": {"const": "resolved"}}, "required": ["status"]},
            "then": {"required": list(_NEEDED), "properties": {name: {"not": {"type": "null"}} for name in _NEEDED}},
        }
    }

    @model_validator(mode="after")
    def _resolved_is_explained(self) -> IncidentSpec:
        told = (self.verdict, self.reproduced, self.root_cause, self.resolution)
        missing = ", ".join(f"`{name}`" for name, value in zip(_NEEDED, told, strict=True) if value is None)
        if self.status == "resolved" and missing:
            raise PydanticCustomError(
                "unexplained", "a resolved incident also says {missing}", {"at": "status", "missing": missing}
            )
        return self


class Incident(Model):
    """What failed, what was restored, and how it ended."""

    api_version: ApiVersion
    kind: Literal["Incident"] = Field(description="What this file is.")
    metadata: Metadata
    spec: IncidentSpec

    @property
    def quarantines(self) -> bool:
        """Is the failed version kept from coming back?"""
        return self.spec.verdict != "cleared" or self.spec.status == "open"
