"""A workspace says where things are, which policies hold, which forge is used, and how far automation may go."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.core import units
from rollout_spec.spec.fields import MetricName, Name, Ref, Text, Url
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.spec.quantities import Duration


class Ratio(Model):
    """A share of two counters."""

    kind: Literal["ratio"] = Field(description="A share of two counters.")
    good: Literal["up", "down"] = Field(description="Which direction is better.")
    events: Text = Field(description="The counter of what counts, a PromQL selector.", examples=["shop_orders_total"])
    total: Text = Field(description="The counter of all, a PromQL selector.", examples=["shop_sessions_total"])


class Value(Model):
    """Any PromQL that gives one number."""

    kind: Literal["value"] = Field(description="One number.")
    good: Literal["up", "down"] = Field(description="Which direction is better.")
    query: Text = Field(
        description="PromQL; {{ rollout }}, {{ version }}, {{ window }} and {{ namespace }} are filled in.",
        examples=['model_psi{model="{{ rollout }}", version="{{ version }}"}'],
    )


Metric = Annotated[Ratio | Value, Field(discriminator="kind")]


class ForgeSettings(Model):
    """Where pull requests are opened."""

    type: Literal["github", "gitlab", "gitea", "local"] = Field(
        description="What the forge is; `local`: a bare repository on disk."
    )
    repository: Text | None = Field(
        None, description="The repository on that forge; `local` needs none.", examples=["acme/models"]
    )
    base_url: Url | None = Field(
        None, description="The API of a self-hosted forge.", examples=["https://github.example.com/api/v3"]
    )
    remote: Ref = Field("origin", description="The git remote.")
    base: Ref | None = Field(
        None, description="The branch that is live; the remote's HEAD where absent, else `main`.", examples=["main"]
    )

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"type": {"const": "local"}}, "required": ["type"]},
            "else": {"required": ["repository"], "properties": {"repository": {"type": "string"}}},
        }
    }

    @model_validator(mode="after")
    def _where(self) -> ForgeSettings:
        if self.type != "local" and self.repository is None:
            raise PydanticCustomError(
                "where", "`repository` is missing: a {type} forge needs the name of the repository", {"type": self.type}
            )
        return self


class SharedCause(Model):
    """So many rollouts at once is not the model: one incident, no reverts."""

    rollouts: int = Field(3, ge=2, description="How many rollouts.")
    within: Duration = Field(
        timedelta(minutes=10),
        json_schema_extra={"default": "10m"},
        description="In how short a time.",
        examples=["10m"],
    )


class Automation(Model):
    """How far automation may go."""

    mode: Literal["dry-run", "pull-request", "auto-merge"] = Field(
        "pull-request", description="The furthest that it may go."
    )
    cooldown: Duration = Field(
        timedelta(hours=1),
        json_schema_extra={"default": "1h"},
        description="The least time between two rollbacks of one rollout.",
        examples=["1h"],
    )
    max_rollbacks_per_day: int = Field(10, ge=0, description="Above this many, drafts for a person.")
    max_auto_merges_per_day: int = Field(4, ge=0, description="Above this many, a person merges.")
    max_breach_age: Duration = Field(
        timedelta(hours=24),
        json_schema_extra={"default": "24h"},
        description="An older breach is for a person.",
        examples=["24h"],
    )
    shared_cause: SharedCause = Field(
        default_factory=lambda: SharedCause(), description="So many at once is not the model."
    )


_DATE, _CLOCK = units.TIME.removesuffix("$").split("[Tt]", 1)


def _expiry(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("not_text", "this is a date or a time", {"kind": "a date", "unit": "", "words": ""})
    try:
        units.parse_time(f"{value}T00:00:00Z" if re.fullmatch(_DATE, value) else value)
    except ValueError:
        words = "this is a date, through the end of which it holds, or a time with a zone: `2026-12-31`"
        raise PydanticCustomError("misspelled", "{words}", {"words": words}) from None
    return value


Expiry = Annotated[
    str,
    BeforeValidator(_expiry),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"{_DATE}([Tt]{_CLOCK})?$",
            "description": "A date, through the end of which (UTC) it holds, or RFC 3339 with a zone.",
            "examples": ["2026-12-31", "2026-11-20T10:15:00Z"],
            "errorMessage": "this is a date, or a time with a zone: `2026-12-31`",
        }
    ),
]


def end_of(expires: str) -> datetime:
    """Return the moment, in UTC, at which something holds no more: a day holds through its end."""
    day = re.fullmatch(_DATE, expires) is not None
    return units.parse_time(f"{expires}T23:59:59.999999Z" if day else expires)


class Waiver(Model):
    """One rollout need not meet one policy, for a reason and for a time."""

    policy: Name = Field(description="The policy.", examples=["first-stage-small"])
    rollout: Name = Field(description="The rollout.", examples=["fraud"])
    reason: Text = Field(description="Why it is waived.", examples=["the replacement of the feature store, OPS-1181"])
    expires: Expiry = Field(description="When it ends: a date, through its end (UTC), or a time.")

    @property
    def ends(self) -> datetime:
        """The moment, in UTC, at which it holds no more."""
        return end_of(self.expires)


class WorkspaceSpec(Model):
    """How this workspace works."""

    requires: Text | None = Field(
        None, description="The versions of rollout-spec that may work here.", examples=[">=0.1,<0.2"]
    )
    policies: list[Text] = Field(
        [], description="Names of shipped packs, or paths.", examples=[["baseline", "policies/payments.yaml"]]
    )
    severity: dict[Text, Literal["error", "warning", "info"]] = Field(
        {}, description="Raises or lowers a rule that is not unconditional.", examples=[{"rollback-ready": "error"}]
    )
    waivers: list[Waiver] = Field([], description="Policies that rollouts need not meet, each for a time.")
    metrics: dict[MetricName, Metric] = Field(
        {}, description="Metrics of your own, or other words for the shipped ones."
    )
    forge: ForgeSettings | None = Field(None, description="Where pull requests are opened.")
    after: Text | None = Field(
        None,
        description="A workspace in which a candidate's identical record must be stable first.",
        examples=["../staging"],
    )
    incidents_from: list[Text] = Field(
        [], description="What is quarantined there is quarantined here.", examples=[["../prod-us"]]
    )
    automation: Automation = Field(default_factory=lambda: Automation(), description="How far automation may go.")
    prometheus: Prometheus | None = Field(
        None, description="What `gate` reads; without it no one evaluates comparisons and offline triggers."
    )


class Workspace(Model):
    """Where things are, which policies hold, which forge is used, and how far automation may go."""

    api_version: ApiVersion
    kind: Literal["Workspace"] = Field(description="What this file is.")
    metadata: Metadata
    spec: WorkspaceSpec = Field(default_factory=lambda: WorkspaceSpec())
