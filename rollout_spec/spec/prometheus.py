"""Where measured values are read from, and the secrets that open it: a file names them, and never holds them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Text, Url
from rollout_spec.spec.model import Model

_ONE: list[Any] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("env", "file")]


class SecretPlace(Model):
    """Where a secret is: in an environment variable, or in a file."""

    env: Text | None = Field(None, description="The environment variable that holds it.", examples=["PROMETHEUS_TOKEN"])
    file: Text | None = Field(None, description="The file that holds it.", examples=["/run/secrets/prometheus"])

    model_config = {"json_schema_extra": {"oneOf": _ONE}}

    @model_validator(mode="after")
    def _one(self) -> SecretPlace:
        if (self.env is None) == (self.file is None):
            raise PydanticCustomError("one_place", "a secret is in one place: `{env: NAME}` or `{file: PATH}`")
        return self


def _no_value(value: Any) -> Any:
    """Refuse a secret itself, without repeating it."""
    if isinstance(value, str):
        words = "a secret is never written here"
        hint = "write where it is: `{env: NAME}` or `{file: PATH}`; if this was one, it is known now: replace it"
        raise PydanticCustomError("secret_value", "{words}", {"words": words, "hint": hint})
    return value


Secret = Annotated[SecretPlace, BeforeValidator(_no_value)]


class PrometheusAuth(Model):
    """What is shown to Prometheus."""

    bearer: Secret = Field(description="The token that is sent: where it is, and never the token itself.")


class Prometheus(Model):
    """The Prometheus that `gate` reads."""

    url: Url = Field(description="Its address.", examples=["http://prometheus:9090"])
    auth: PrometheusAuth | None = Field(None, description="What it asks for.")

    @model_validator(mode="after")
    def _no_user(self) -> Prometheus:
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise PydanticCustomError(
                "secret_value", "a secret is never written here: the address has none", {"at": "url"}
            )
        return self
