"""The model registry: its address, its credentials, and the aliases that follow ``live``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Text, Url
from rollout_spec.spec.model import Model
from rollout_spec.spec.secret import Secret
from rollout_spec.spec.server_address import check_server_address
from rollout_spec.spec.validators import string_field

Alias = Annotated[
    str,
    *string_field(
        r"^(?!(latest|v[0-9]+)$)[A-Za-z0-9_-]{1,100}$",
        "an alias has letters, digits, `_` and `-`, and is neither `latest` nor like `v1`",
        "an alias",
        examples=["champion", "prod-champion"],
    ),
]
OciHost = Annotated[
    str,
    *string_field(
        r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$",
        "expected the host of an OCI registry in lower case, with its port if needed: `ghcr.io`",
        "the host of an OCI registry",
        examples=["ghcr.io", "registry.example.com:5000"],
    ),
]
_NOTHING: dict[str, Any] = {"type": "null"}


def _given(name: str) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: {"type": "object"}}}


class RegistryBasic(Model):
    """A user name and a password."""

    user: Text = Field(description="The user name.", examples=["rollout-spec"])
    password: Secret = Field(description="The place of the password.")


class RegistryAuth(Model):
    """The credentials for a registry: a token, or a user name with a password."""

    bearer: Secret | None = Field(None, description="The place of the bearer token, never the token itself.")
    basic: RegistryBasic | None = Field(None, description="A user name and a password.")

    model_config = {"json_schema_extra": {"oneOf": [_NOTHING, _given("bearer"), _given("basic")]}}

    @model_validator(mode="after")
    def _one(self) -> RegistryAuth:
        if (self.bearer is None) == (self.basic is None):
            raise PydanticCustomError("one_auth", "expected exactly one of `bearer` and `basic`")
        return self


class RegistryAliases(Model):
    """The aliases that `registry sync` moves. Workspaces that share a registry need different ones."""

    stable: Alias = Field("champion", description="The alias of the stable version.")
    candidate: Alias = Field("challenger", description="The alias of the candidate.")

    @model_validator(mode="after")
    def _differ(self) -> RegistryAliases:
        if self.stable == self.candidate:
            raise PydanticCustomError("same_alias", "`stable` and `candidate` need different aliases")
        return self


class Registry(Model):
    """The model registry that `registry verify` reads, and whose aliases `registry sync` moves."""

    url: Url | None = Field(
        None,
        description="The address of an MLflow server, with a path if a proxy serves it below one.",
        examples=["http://mlflow:5000"],
    )
    auth: RegistryAuth | None = Field(None, description="The credentials for the MLflow server.")
    oci: dict[OciHost, RegistryAuth] = Field(
        {}, description="The credentials for OCI registries, by host. Without an entry the access is anonymous."
    )
    aliases: RegistryAliases = Field(
        default_factory=lambda: RegistryAliases(), description="The aliases that follow `live`."
    )

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"auth": {"type": "object"}}, "required": ["auth"]},
            "then": {"required": ["url"], "properties": {"url": {"type": "string"}}},
        }
    }

    @model_validator(mode="after")
    def _server(self) -> Registry:
        if self.url is not None:
            check_server_address(self.url, "http://mlflow:5000")
        elif self.auth is not None:
            raise PydanticCustomError("url_missing", "`auth` needs `url`: credentials are for one server")
        return self
