"""Incidents, which rollbacks write.

The failed version is quarantined until its incident is resolved as cleared.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Commit, Name, Text, Url, Version
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model
from rollout_spec.spec.quantities import Number, Time

_GIVEN: JsonDict = {"not": {"type": "null"}}
_TOLD: JsonDict = {"type": "string", "pattern": r"^[\s\S]*\S[\s\S]*$"}


class IncidentEvidence(Model):
    """The evidence of a failure."""

    summary: str | None = Field(
        None, description="The message of the monitor.", examples=["fraud 42: error_rate above 5%"]
    )
    value: Number | None = Field(
        None, description="The value of the metric, in its own unit; a share as a fraction.", examples=[0.081]
    )
    url: Url | None = Field(None, description="A link to the alert or dashboard.")
    replay: str | None = Field(
        None,
        description="The result of a replay of the failed version's requests.",
        examples=["flip rate 8.1% (floor 0.0%)"],
    )


class Reproduced(Model):
    """The environment in which the failure was reproduced."""

    environment: Text = Field(description="The environment.", examples=["staging"])
    link: Url | None = Field(None, description="A link to the evidence.")


class IncidentSpec(Model):
    """The failed version, the restored version, and the resolution."""

    rollout: Name = Field(description="The rollout.", examples=["fraud"])
    failed_version: Version = Field(description="The version that failed. Its record stays.", examples=["42"])
    restored_version: Version | None = Field(
        description="The version that was restored; null: there was no rollback target.", examples=["41"]
    )
    trigger: Name | None = Field(
        None, description="The trigger that was breached, if any.", examples=["serving-errors"]
    )
    source: Text = Field(description="The monitor or person that reported it.", examples=["alertmanager", "manual"])
    observed_at: Time = Field(description="The time of the breach.")
    stage: Name | None = Field(
        None, description="The stage of the candidate, or `promoted`.", examples=["canary-5", "promoted"]
    )
    reverts: list[Commit] = Field([], description="The commits that the rollback reverted.")
    evidence: IncidentEvidence | None = Field(None, description="The evidence of the failure.")
    status: Literal["open", "resolved"] = Field(description="open until the cause is known.")
    verdict: Literal["bad", "cleared"] | None = Field(
        None, description="bad: the version stays quarantined forever; cleared: the version was not the cause."
    )
    reproduced: Reproduced | None = Field(None, description="The environment in which the failure was reproduced.")
    not_reproduced: Text | None = Field(
        None,
        description="The reason why the failure was not reproduced. It takes the place of `reproduced` in an incident "
        "that is resolved as cleared, such as a false alarm.",
        examples=["The alert counted a restart of the gateway."],
    )
    root_cause: str | None = Field(
        None, description="The cause of the failure.", examples=["user-profile 12 sends amounts in cents"]
    )
    resolution: str | None = Field(
        None, description="The action that resolved the incident.", examples=["43 is trained on user-profile 12"]
    )

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"status": {"const": "resolved"}}, "required": ["status"]},
            "then": {
                "required": ["verdict", "rootCause", "resolution"],
                "properties": {"verdict": _GIVEN, "rootCause": _TOLD, "resolution": _TOLD},
                "if": {
                    "properties": {"verdict": {"const": "cleared"}, "notReproduced": _GIVEN},
                    "required": ["verdict", "notReproduced"],
                },
                "else": {"required": ["reproduced"], "properties": {"reproduced": _GIVEN}},
            },
            "not": {
                "required": ["reproduced", "notReproduced"],
                "properties": {"reproduced": _GIVEN, "notReproduced": _GIVEN},
            },
        }
    }

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that a resolved incident needs, and that this one lacks. A blank text explains nothing."""
        values = {
            "verdict": self.verdict,
            "reproduced": self.reproduced or (self.not_reproduced if self.verdict != "bad" else None),
            "rootCause": (self.root_cause or "").strip() or None,
            "resolution": (self.resolution or "").strip() or None,
        }
        return tuple(name for name, value in values.items() if value is None)

    @model_validator(mode="after")
    def _resolved_is_explained(self) -> IncidentSpec:
        if self.reproduced is not None and self.not_reproduced is not None:
            raise _contradiction("`reproduced` and `notReproduced` contradict each other", "remove one of them")
        if self.status != "resolved" or not self.missing:
            return self
        if self.missing == ("reproduced",) and self.not_reproduced is not None:
            message = "a version that is resolved as bad needs `reproduced`; `notReproduced` is for `verdict: cleared`"
            raise _contradiction(message, "write `reproduced: {environment: …, link: …}`, or `status: open`")
        names = [f"`{name}`" for name in self.missing]
        if self.verdict == "cleared" and "reproduced" in self.missing:
            names[names.index("`reproduced`")] = "`reproduced` or `notReproduced`"
        hint = "write `status: open`; `rollout-spec incident resolve` adds all of them"
        context = {"at": "status", "missing": ", ".join(names), "hint": hint}
        raise PydanticCustomError("unexplained", "this incident is resolved but lacks {missing}", context)


def _contradiction(message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("unexplained", "{message}", {"at": "notReproduced", "message": message, "hint": hint})


class Incident(Model):
    """The failure of a version, and how it was resolved."""

    api_version: ApiVersion
    kind: Literal["Incident"] = Field(description="The kind of this file.")
    metadata: Metadata
    spec: IncidentSpec

    @property
    def quarantines(self) -> bool:
        """Return whether the failed version is quarantined."""
        return self.spec.verdict != "cleared" or self.spec.status == "open"
