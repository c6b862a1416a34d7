"""A trigger says what counts as a breach, before the deploy: who is on call does not argue about it at night."""

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
    name: Name = Field(description="What this trigger is called, in alerts and incidents.", examples=["serving-errors"])
    during: list[Name] | None = Field(
        None,
        min_length=1,
        description="Stages, or `promoted`; absent: every stage with traffic or mirror, and promoted.",
        examples=[["canary-5"]],
    )
    severity: Literal["hard", "soft"] = Field(
        "hard", description="hard: the rollback may merge itself; soft: a person decides."
    )


class _Watched(_Trigger):
    window: Duration = Field(
        timedelta(minutes=5),
        json_schema_extra={"default": "5m"},
        description="Over how long the metric is taken.",
        examples=["5m"],
    )
    for_: Duration | None = Field(
        None, alias="for", description="How long the breach must last before it counts.", examples=["2m"]
    )
    within: Duration | None = Field(
        None, description="Only this long after the stage began; absent: as long as it lasts.", examples=["15m"]
    )


class Threshold(_Watched):
    """A metric of the version crosses a bound."""

    type: Literal["threshold"] = Field(description="A metric of the version crosses a bound.")
    metric: MetricName = Field(
        description="A metric of the profile, or one that the Workspace declares.", examples=["error_rate"]
    )
    above: Bound | None = Field(None, description="A breach lies above this.", examples=["5%", 0.2])
    below: Bound | None = Field(None, description="A breach lies below this.", examples=["90%"])

    model_config = {
        "json_schema_extra": {
            "if": {"required": ["above"], "properties": {"above": {"not": {"type": "null"}}}},
            "then": {
                "properties": {
                    "below": {"type": "null", "errorMessage": "a threshold has `above` or `below`, and not both"}
                }
            },
            "else": {
                "required": ["below"],
                "properties": {"below": {"not": {"type": "null"}}},
                "errorMessage": "`above` or `below` is missing: a threshold has one of them",
            },
        }
    }

    @model_validator(mode="after")
    def _one_bound(self) -> Threshold:
        if self.above is None and self.below is None:
            raise PydanticCustomError("no_bound", "`above` or `below` is missing: a threshold has one of them")
        if self.above is not None and self.below is not None:
            raise PydanticCustomError("two_bounds", "a threshold has `above` or `below`, and not both", {"at": "below"})
        return self


class Latency(_Watched):
    """More requests than the quantile allows take longer than the bound."""

    type: Literal["latency"] = Field(description="Too many requests take too long.")
    quantile: Chance = Field(description="Which requests must be fast; strictly between 0% and 100%.", examples=["99%"])
    above: Duration = Field(description="The service level: a breach is slower.", examples=["250ms"])


class Comparison(_Trigger):
    """The candidate is worse than the control arm, by more than chance."""

    type: Literal["comparison"] = Field(description="The candidate is worse than the control arm.")
    metric: MetricName = Field(description="A metric that the Workspace declares.", examples=["conversion_rate"])
    drop: Share = Field(description="The relative drop that must not be missed.", examples=["5%"])
    baseline: Bound | None = Field(None, description="What the control arm is expected to show.", examples=["8%"])
    alpha: Chance = Field(
        Decimal(5),
        json_schema_extra={"default": "5%"},
        description="The chance of a false alarm that is accepted.",
        examples=["5%"],
    )
    power: Chance = Field(
        Decimal(80),
        json_schema_extra={"default": "80%"},
        description="The chance to see a drop that is there.",
        examples=["80%"],
    )


class Offline(_Trigger):
    """The candidate's record is worse than stable's."""

    type: Literal["offline"] = Field(description="The candidate's record is worse than stable's.")
    metric: MetricName = Field(description="A metric of the records.", examples=["auc"])
    tolerance: Number = Field(
        Decimal(0),
        ge=0,
        json_schema_extra={"default": 0, "minimum": 0},
        description="How much worse is still accepted.",
        examples=[0.002],
    )


class Manual(_Trigger):
    """A person says so; always soft."""

    type: Literal["manual"] = Field(description="A person says so.")
    reasons: list[Text] = Field(
        min_length=1, description="What a person may say.", examples=[["negative-trend", "spot-check"]]
    )
    severity: Literal["soft"] = Field("soft", description="Always soft: a person decides.")


Trigger = Annotated[Threshold | Latency | Comparison | Offline | Manual, Field(discriminator="type")]
