"""Triggers: the conditions that count as a breach, agreed on before the deployment."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import MetricName, Name, Text
from rollout_spec.spec.model import Model
from rollout_spec.spec.quantities import Bound, Chance, Duration, Number, Share


class _Trigger(Model):
    name: Name = Field(description="The name of the trigger in alerts and incidents.", examples=["serving-errors"])
    during: list[Name] | None = Field(
        None,
        min_length=1,
        description="Stages, or `promoted`; absent: every stage with traffic or mirroring, and `promoted`.",
        examples=[["canary-5"]],
    )
    severity: Literal["hard", "soft"] = Field(
        "hard", description="hard: the rollback may auto-merge; soft: a person decides."
    )


class _Watched(_Trigger):
    window: Duration = Field(
        timedelta(minutes=5),
        json_schema_extra={"default": "5m"},
        description="The time range of the metric.",
        examples=["5m"],
    )
    for_: Duration | None = Field(None, alias="for", description="The minimum duration of a breach.", examples=["2m"])
    within: Duration | None = Field(
        None, description="Active only this long after the stage began; absent: for the whole stage.", examples=["15m"]
    )


class Threshold(_Watched):
    """A metric of the version crosses a bound."""

    type: Literal["threshold"] = Field(description="A metric of the version crosses a bound.")
    metric: MetricName = Field(
        description="A metric of the profile, or one that the Workspace declares.", examples=["error_rate"]
    )
    above: Bound | None = Field(None, description="A value above this is a breach.", examples=["5%", 0.2])
    below: Bound | None = Field(None, description="A value below this is a breach.", examples=["90%"])

    model_config = {
        "json_schema_extra": {
            "if": {"required": ["above"], "properties": {"above": {"not": {"type": "null"}}}},
            "then": {
                "properties": {
                    "below": {"type": "null", "errorMessage": "a threshold has `above` or `below`, not both"}
                }
            },
            "else": {
                "required": ["below"],
                "properties": {"below": {"not": {"type": "null"}}},
                "errorMessage": "`above` or `below` is missing: a threshold needs one of them",
            },
        }
    }

    @model_validator(mode="after")
    def _one_bound(self) -> Threshold:
        if self.above is None and self.below is None:
            message = "`above` or `below` is missing: a threshold needs one of them"
            raise PydanticCustomError("no_bound", message, {"hint": "add a bound, such as `above: 5%`"})
        if self.above is not None and self.below is not None:
            raise PydanticCustomError("two_bounds", "a threshold has `above` or `below`, not both", {"at": "below"})
        return self


class Latency(_Watched):
    """More requests take longer than the bound than the quantile allows."""

    type: Literal["latency"] = Field(description="Too many requests take too long.")
    quantile: Chance = Field(
        description="The share of requests that must be fast; strictly between 0% and 100%.", examples=["99%"]
    )
    above: Duration = Field(description="The service level. A slower quantile is a breach.", examples=["250ms"])


class _Judged(_Trigger):
    judged_by: Literal["gate", "external"] = Field(
        "gate",
        description="gate: `rollout-spec gate` judges it; external: another system does, and reports a breach.",
    )


class Comparison(_Judged):
    """The candidate is significantly worse than the control arm."""

    type: Literal["comparison"] = Field(description="The candidate is worse than the control arm.")
    metric: MetricName = Field(description="A metric that the Workspace declares.", examples=["conversion_rate"])
    drop: Share = Field(description="The relative drop to detect.", examples=["5%"])
    baseline: Bound | None = Field(None, description="The expected value of the control arm.", examples=["8%"])
    alpha: Chance = Field(
        Decimal(5),
        json_schema_extra={"default": "5%"},
        description="The accepted probability of a false alarm.",
        examples=["5%"],
    )
    power: Chance = Field(
        Decimal(80),
        json_schema_extra={"default": "80%"},
        description="The probability of detecting a real drop.",
        examples=["80%"],
    )


class Offline(_Judged):
    """The candidate's record is worse than stable's."""

    type: Literal["offline"] = Field(description="The candidate's record is worse than stable's.")
    metric: MetricName = Field(description="A metric of the records.", examples=["auc"])
    tolerance: Number = Field(
        Decimal(0),
        ge=0,
        json_schema_extra={"default": 0, "minimum": 0},
        description="The accepted difference, in the unit of the metric.",
        examples=[0.002],
    )


class Manual(_Trigger):
    """A person reports a failure. Always soft."""

    type: Literal["manual"] = Field(description="A person reports a failure.")
    reasons: list[Text] = Field(
        min_length=1, description="The reasons that a person may give.", examples=[["negative-trend", "spot-check"]]
    )
    severity: Literal["soft"] = Field("soft", description="Always soft: a person decides.")


Trigger = Annotated[Threshold | Latency | Comparison | Offline | Manual, Field(discriminator="type")]
