"""The Prometheus server to read from."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Url
from rollout_spec.spec.model import Model
from rollout_spec.spec.secret import Secret


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
