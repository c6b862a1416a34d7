"""The Prometheus server to read from."""

from __future__ import annotations

from pydantic import Field, model_validator

from rollout_spec.spec.fields import Url
from rollout_spec.spec.model import Model
from rollout_spec.spec.secret import Secret
from rollout_spec.spec.server_address import check_server_address


class PrometheusAuth(Model):
    """The credentials for Prometheus."""

    bearer: Secret = Field(description="The place of the bearer token, never the token itself.")


class Prometheus(Model):
    """The Prometheus that `gate` reads."""

    url: Url = Field(
        description="Its address, with a path if a proxy serves it below one.", examples=["http://prometheus:9090"]
    )
    auth: PrometheusAuth | None = Field(None, description="The credentials.")

    @model_validator(mode="after")
    def _server(self) -> Prometheus:
        check_server_address(self.url, "http://prometheus:9090")
        return self
