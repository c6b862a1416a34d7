"""The Prometheus server to read from."""

from __future__ import annotations

import re

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Url
from rollout_spec.spec.model import Model
from rollout_spec.spec.secret import Secret

_SERVER = r"(?!.*[?#])https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?(/[!-~]*)?"


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
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise PydanticCustomError(
                "secret_value", "a secret must not be written in this file: remove it from the address", {"at": "url"}
            )
        match = re.fullmatch(_SERVER, self.url)
        if match is None or not 0 < int(match["port"] or 1) < 65536:
            message = "expected a host, with its port and path if needed: `http://prometheus:9090`"
            raise PydanticCustomError("misspelled", "{message}", {"message": message, "at": "url"})
        return self
