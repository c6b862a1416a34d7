"""The Prometheus server to read from. Secrets are named by variable or file, never written down."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Text, Url
from rollout_spec.spec.model import Model

_ONE: list[Any] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("env", "file")]


class SecretPlace(Model):
    """The place of a secret: an environment variable or a file."""

    env: Text | None = Field(None, description="The environment variable that holds it.", examples=["PROMETHEUS_TOKEN"])
    file: Text | None = Field(None, description="The file that holds it.", examples=["/run/secrets/prometheus"])

    model_config = {"json_schema_extra": {"oneOf": _ONE}}

    @model_validator(mode="after")
    def _one(self) -> SecretPlace:
        if (self.env is None) == (self.file is None):
            raise PydanticCustomError("one_place", "a secret needs exactly one place: `{env: NAME}` or `{file: PATH}`")
        return self


def _no_value(value: Any) -> Any:
    """Refuse a secret that is written down, without repeating it."""
    if isinstance(value, str):
        message = "a secret must not be written in this file"
        hint = "write its place: `{env: NAME}` or `{file: PATH}`; if this is a real secret, replace it"
        raise PydanticCustomError("secret_value", "{message}", {"message": message, "hint": hint})
    return value


Secret = Annotated[SecretPlace, BeforeValidator(_no_value)]


class PrometheusAuth(Model):
    """The credentials for Prometheus."""

    bearer: Secret = Field(description="The place of the bearer token, never the token itself.")


class Prometheus(Model):
    """The Prometheus that `gate` reads."""

    url: Url = Field(description="Its address.", examples=["http://prometheus:9090"])
    auth: PrometheusAuth | None = Field(None, description="The credentials.")

    @model_validator(mode="after")
    def _no_user(self) -> Prometheus:
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise PydanticCustomError(
                "secret_value", "a secret must not be written in this file: remove it from the address", {"at": "url"}
            )
        return self
