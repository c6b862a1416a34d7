"""The settings of ``rollout-spec serve``: monitors that report breaches, and people to notify."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Name, Text
from rollout_spec.spec.model import Model
from rollout_spec.spec.quantities import Duration
from rollout_spec.spec.secret import Secret, Secrets

MonitorType = Literal["alertmanager", "grafana", "cloudevents", "argo-rollouts", "flagger", "json"]
_TEXT: dict[str, Any] = {"type": "string"}
_PLACES: dict[str, Any] = {"type": ["object", "array"]}
_NOTHING: dict[str, Any] = {"type": "null"}
SignatureStyle = Literal["github", "grafana", "standard-webhooks", "pagerduty"]


def _given(name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of an object with this field, not null."""
    return {"required": [name], "properties": {name: value}}


class BasicAuth(Model):
    """A user name and a password."""

    user: Text = Field(description="The user name.", examples=["alertmanager"])
    password: Secrets = Field(description="The place of the password.")


class MonitorAuth(Model):
    """The evidence that a request comes from a monitor: one of a token, a password and a signature."""

    bearer: Secrets | None = Field(None, description="The place of the bearer token.")
    basic: BasicAuth | None = Field(None, description="A user name and a password.")
    hmac: Secrets | None = Field(None, description="The place of the key that signs each request.")
    style: SignatureStyle | None = Field(
        None,
        description="The form of the signature; by default that of the monitor's type or preset, else `github`.",
        examples=["standard-webhooks"],
    )

    model_config = {
        "json_schema_extra": {
            "oneOf": [
                _NOTHING,
                {"type": "object", **_given("bearer", _PLACES)},
                {"type": "object", **_given("basic", {"type": "object"})},
                {"type": "object", **_given("hmac", _PLACES)},
            ],
            "if": _given("style", _TEXT),
            "then": _given("hmac", _PLACES),
        }
    }

    @model_validator(mode="after")
    def _one(self) -> MonitorAuth:
        if sum(each is not None for each in (self.bearer, self.basic, self.hmac)) != 1:
            raise PydanticCustomError("one_auth", "expected exactly one of `bearer`, `basic` and `hmac`")
        if self.style is not None and self.hmac is None:
            raise PydanticCustomError("style_alone", "`style` needs `hmac`: it is the form of a signature")
        return self


class Mapping(Model):
    """JMESPath expressions that read a payload. They override those of the preset."""

    alerts: Text | None = Field(
        None, description="The list of alerts; if absent, the payload is one alert.", examples=["alerts"]
    )
    firing: Text | None = Field(
        None,
        description="Whether the alert fires; if absent, every alert does.",
        examples=["status == 'firing'"],
    )
    rollout: Text | None = Field(None, description="The rollout.", examples=["labels.rollout"])
    version: Text | None = Field(
        None,
        description="The failed version; may be absent if the rollout has one version in flight.",
        examples=["labels.version"],
    )
    workspace: Text | None = Field(
        None,
        description="The workspace; if absent, the only one that names this monitor.",
        examples=["labels.workspace"],
    )
    trigger: Text | None = Field(None, description="The trigger.", examples=["labels.trigger"])
    observed_at: Text | None = Field(
        None,
        description="The time at which it began: RFC 3339, or seconds or milliseconds since 1970.",
        examples=["startsAt"],
    )
    id: Text | None = Field(
        None, description="The identity of the alert, equal in each delivery.", examples=["fingerprint"]
    )
    summary: Text | None = Field(None, description="One sentence for people.", examples=["annotations.summary"])
    value: Text | None = Field(None, description="The measured value.", examples=["annotations.value"])
    url: Text | None = Field(None, description="A link to the evidence.", examples=["generatorURL"])


class MonitorSettings(Model):
    """A monitor that may report breaches."""

    type: MonitorType = Field(description="The format of its payloads.", examples=["alertmanager", "json"])
    auth: MonitorAuth | None = Field(
        None, description="The evidence that a request is the monitor's; without it the service answers loopback only."
    )
    preset: Literal["datadog", "pagerduty", "cloudwatch"] | None = Field(
        None, description="A shipped mapping, for `type: json`."
    )
    mapping: Mapping | None = Field(None, description="The mapping of a payload, for `type: json`.")
    topic: Text | None = Field(
        None,
        description="The SNS topic whose signed messages are accepted, for `preset: cloudwatch`.",
        examples=["arn:aws:sns:eu-west-1:123456789012:rollouts"],
    )

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"type": {"const": "json"}}, "required": ["type"]},
            "then": {
                "if": {"properties": {"preset": {"const": "cloudwatch"}}, "required": ["preset"]},
                "then": _given("topic", _TEXT),
                "else": {
                    "properties": {"topic": _NOTHING},
                    "if": {"properties": {"preset": _NOTHING}},
                    "then": _given("mapping", {"type": "object", **_given("rollout", _TEXT)}),
                },
            },
            "else": {"properties": {"preset": _NOTHING, "mapping": _NOTHING, "topic": _NOTHING}},
        }
    }

    @model_validator(mode="after")
    def _fits_type(self) -> MonitorSettings:
        if self.type != "json" and (self.preset is not None or self.mapping is not None):
            raise PydanticCustomError("json_only", "`preset` and `mapping` are for `type: json` only")
        if self.type == "json" and self.preset is None:
            if self.mapping is None:
                raise PydanticCustomError("no_mapping", "`type: json` needs a `preset` or a `mapping`")
            if self.mapping.rollout is None:
                raise PydanticCustomError(
                    "misplaced", "`rollout` is missing: a mapping without a `preset` needs it", {"at": "mapping"}
                )
        if (self.preset == "cloudwatch") != (self.topic is not None):
            message = "`preset: cloudwatch` needs the `topic` whose messages are accepted, and no other type has one"
            raise PydanticCustomError("topic", "{message}", {"message": message})
        return self


class SlackNotification(Model):
    """A message to a webhook that accepts Slack's format."""

    type: Literal["slack"] = Field(description="A webhook that accepts Slack's format.")
    url: Secret = Field(description="The place of the address, which is itself a secret.")


class WebhookNotification(Model):
    """A message to a program of your own."""

    type: Literal["webhook"] = Field(description="A program of your own; it gets all fields as JSON.")
    url: Secret = Field(description="The place of the address.")
    bearer: Secret | None = Field(None, description="The place of the bearer token.")


class EmailNotification(Model):
    """A message by e-mail."""

    type: Literal["email"] = Field(description="An e-mail.")
    server: Text = Field(description="The mail server, with its port.", examples=["smtp.example.com:587"])
    sender: Text = Field(description="The sender.", examples=["rollouts@example.com"])
    to: list[Text] = Field(min_length=1, description="The recipients.", examples=[["oncall@example.com"]])
    user: Text | None = Field(None, description="The user name at the mail server.", examples=["rollouts"])
    password: Secret | None = Field(None, description="The place of the password.")

    model_config = {
        "json_schema_extra": {
            "if": _given("user", _TEXT),
            "then": _given("password", {"type": "object"}),
            "else": {"properties": {"password": _NOTHING}},
        }
    }

    @model_validator(mode="after")
    def _both(self) -> EmailNotification:
        if (self.user is None) != (self.password is None):
            raise PydanticCustomError("both", "`user` and `password` belong together")
        return self


Notification = Annotated[SlackNotification | WebhookNotification | EmailNotification, Field(discriminator="type")]


class ServiceSettings(Model):
    """The settings of ``rollout-spec serve``."""

    monitors: dict[Name, MonitorSettings] = Field(
        {}, description="The monitors by the name in their address: `/v1/breaches/NAME`."
    )
    notify: list[Notification] = Field([], max_length=20, description="The recipients of a message on each outcome.")
    reconcile: Duration | None = Field(
        None, description="The time between two judgements of the rollouts in flight; if absent, they are not judged."
    )
