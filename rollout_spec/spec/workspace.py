"""Workspaces: metrics, policies, the forge, other workspaces and the limits of automation."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.core import units
from rollout_spec.spec.fields import MOST_INTEGER, MetricName, Name, Ref, Text, Url
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.spec.quantities import Duration
from rollout_spec.spec.registry import Registry
from rollout_spec.spec.service import ServiceSettings


class Ratio(Model):
    """A share of two counters."""

    kind: Literal["ratio"] = Field(description="A share of two counters.")
    good: Literal["up", "down"] = Field(description="The better direction.")
    events: Text = Field(
        description=(
            "The counter of the events, a PromQL selector. "
            "The profile's label of the version is added unless it names that label or {{ version }}."
        ),
        examples=["shop_orders_total"],
    )
    total: Text = Field(
        description="The counter of the total, a PromQL selector, like `events`.", examples=["shop_sessions_total"]
    )


class Value(Model):
    """Any PromQL query that returns one number."""

    kind: Literal["value"] = Field(description="One number.")
    good: Literal["up", "down"] = Field(description="The better direction.")
    query: Text = Field(
        description="PromQL; {{ rollout }}, {{ version }}, {{ window }} and {{ namespace }} are filled in.",
        examples=['model_psi{model="{{ rollout }}", version="{{ version }}"}'],
    )


Metric = Annotated[Ratio | Value, Field(discriminator="kind")]


class ForgeSettings(Model):
    """The forge for pull requests."""

    type: Literal["github", "gitlab", "gitea", "local"] = Field(
        description="The type of the forge; `local`: a bare repository on disk."
    )
    repository: Text | None = Field(
        None, description="The repository on the forge; `local` needs none.", examples=["acme/models"]
    )
    base_url: Url | None = Field(
        None, description="The API of a self-hosted forge.", examples=["https://github.example.com/api/v3"]
    )
    remote: Ref = Field("origin", description="The git remote.")
    base: Ref | None = Field(
        None, description="The live branch; if absent the remote's HEAD, else `main`.", examples=["main"]
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
    """Many rollouts that fail at once have a shared cause: one incident, no rollbacks."""

    rollouts: int = Field(3, ge=2, le=MOST_INTEGER, description="The least number of rollouts.", examples=[5])
    within: Duration = Field(
        timedelta(minutes=10),
        json_schema_extra={"default": "10m"},
        description="The time in which they fail.",
        examples=["10m"],
    )
    settle: Duration = Field(
        timedelta(0),
        json_schema_extra={"default": "0s"},
        description="How long the service waits for further breaches before it acts on one.",
        examples=["5s"],
    )


class Automation(Model):
    """The limits of automation."""

    mode: Literal["dry-run", "pull-request", "auto-merge"] = Field(
        "pull-request", description="The most that automation may do."
    )
    cooldown: Duration = Field(
        timedelta(hours=1),
        json_schema_extra={"default": "1h"},
        description="The least time between two rollbacks of one rollout.",
        examples=["1h"],
    )
    max_rollbacks_per_day: int = Field(
        10, ge=0, le=MOST_INTEGER, description="Rollbacks a day; further ones are drafts.", examples=[20]
    )
    max_auto_merges_per_day: int = Field(
        4, ge=0, le=MOST_INTEGER, description="Auto-merged rollbacks a day; a person merges further ones.", examples=[2]
    )
    max_breach_age: Duration = Field(
        timedelta(hours=24),
        json_schema_extra={"default": "24h"},
        description="An older breach needs a person.",
        examples=["24h"],
    )
    shared_cause: SharedCause = Field(
        default_factory=lambda: SharedCause(), description="When failures of many rollouts have a shared cause."
    )
    attest: Text | None = Field(
        None,
        description="The required status that the service sets on rollbacks that it built and checked itself.",
        examples=["rollout-spec/check"],
    )


_DATE, _CLOCK = units.TIME.removesuffix("$").split("[Tt]", 1)


def _expiry(value: object) -> str:
    if not isinstance(value, str):
        context = {"kind": "a date", "unit": "", "message": ""}
        raise PydanticCustomError("not_text", "expected a date or a time", context)
    try:
        units.parse_time(f"{value}T00:00:00Z" if re.fullmatch(_DATE, value) else value)
    except ValueError:
        message = "expected a date, which includes its whole day, or a time with a zone: `2026-12-31`"
        raise PydanticCustomError("misspelled", "{message}", {"message": message}) from None
    return value


Expiry = Annotated[
    str,
    BeforeValidator(_expiry),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"{_DATE}([Tt]{_CLOCK})?$",
            "description": "A date, which includes its whole day (UTC), or RFC 3339 with a zone.",
            "examples": ["2026-12-31", "2026-11-20T10:15:00Z"],
            "errorMessage": "expected a date, or a time with a zone: `2026-12-31`",
        }
    ),
]


def end_of(expires: str) -> datetime:
    """Return the end of an expiry, in UTC. A date ends with its day."""
    day = re.fullmatch(_DATE, expires) is not None
    return units.parse_time(f"{expires}T23:59:59.999999Z" if day else expires)


class Waiver(Model):
    """An exception of one rollout from one policy, with a reason and an expiry."""

    policy: Name = Field(description="The policy.", examples=["first-stage-small"])
    rollout: Name = Field(description="The rollout.", examples=["fraud"])
    reason: Text = Field(
        description="The reason of the waiver.", examples=["the replacement of the feature store, OPS-1181"]
    )
    expires: Expiry = Field(description="The end of the waiver: a date, through its end (UTC), or a time.")

    @property
    def ends(self) -> datetime:
        """The end of the waiver, in UTC."""
        return end_of(self.expires)


class WorkspaceSpec(Model):
    """The settings of a workspace."""

    requires: Text | None = Field(
        None, description="The versions of rollout-spec that may be used here.", examples=[">=0.1,<0.2"]
    )
    policies: list[Text] = Field(
        [], description="Names of shipped packs, or paths.", examples=[["baseline", "policies/payments.yaml"]]
    )
    severity: dict[Text, Literal["error", "warning", "info"]] = Field(
        {}, description="Severities of rules, unless their severity is fixed.", examples=[{"rollback-ready": "error"}]
    )
    waivers: list[Waiver] = Field([], description="Exceptions of rollouts from policies, each with an expiry.")
    metrics: dict[MetricName, Metric] = Field({}, description="Your own metrics, or replacements of shipped ones.")
    forge: ForgeSettings | None = Field(None, description="The forge for pull requests.")
    after: Text | None = Field(
        None,
        description="A workspace in which an identical record must be stable before a version is a candidate here.",
        examples=["../staging"],
    )
    incidents_from: list[Text] = Field(
        [], description="Workspaces whose quarantines also apply here.", examples=[["../prod-us"]]
    )
    automation: Automation = Field(default_factory=lambda: Automation(), description="The limits of automation.")
    prometheus: Prometheus | None = Field(
        None, description="The server that `gate` reads; required to evaluate comparisons and offline triggers."
    )
    registry: Registry | None = Field(
        None, description="The model registry; required for `registry` commands, and for `check --registry`."
    )
    service: ServiceSettings | None = Field(None, description="The settings of `rollout-spec serve`.")


class Workspace(Model):
    """The settings of a workspace: policies, metrics, the forge and the limits of automation."""

    api_version: ApiVersion
    kind: Literal["Workspace"] = Field(description="The kind of this file.")
    metadata: Metadata
    spec: WorkspaceSpec = Field(default_factory=lambda: WorkspaceSpec())
