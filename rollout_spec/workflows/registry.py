"""The registry of a workspace: its connection, its secrets and its artifacts."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.registries import (
    Artifacts,
    Credentials,
    DigestCache,
    MlflowRegistry,
    ModelRegistry,
    OciRegistries,
)
from rollout_spec.integrations.registries.mlflow_artifacts import MlflowArtifacts
from rollout_spec.spec.registry import Registry, RegistryAuth
from rollout_spec.spec.secret import SecretPlace
from rollout_spec.workflows.secrets import read_secret

ADDRESS = "MLFLOW_TRACKING_URI"
"""The variable with the address of the registry if the workspace names none."""
_TOKEN, _USER, _PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"


@dataclass(frozen=True)
class RegistryAccess:
    """The registry and the artifacts that a command reads. ``registry`` is None if none is named."""

    registry: ModelRegistry | None
    artifacts: Artifacts

    def required(self) -> ModelRegistry:
        """Return the registry. UserError if none is named."""
        if self.registry is None:
            raise UserError(
                "the workspace names no registry",
                hint=f"add `registry: {{url: http://mlflow:5000}}` to `spec` in .rollout-spec.yaml, or set ${ADDRESS}",
            )
        return self.registry


@dataclass(frozen=True)
class AccessOptions:
    """Options of the access. ``environment`` may name a registry if the workspace names none.

    ``root`` is where relative addresses of artifacts start. ``reserved`` are secrets of monitors: a workspace chooses
    the host that its secrets go to.
    """

    root: Path | None = None
    environment: Mapping[str, str] | None = None
    reserved: Collection[str] = ()
    hash_all: bool = False


@contextmanager
def open_registry(settings: Registry | None, options: AccessOptions) -> Iterator[RegistryAccess]:
    """Connect to the registry of a workspace. UserError if a secret cannot be read."""
    url, credentials = _server(settings, options)
    registry = MlflowRegistry(url, credentials) if url is not None else None
    oci = settings.oci if settings is not None else {}
    artifacts = Artifacts(
        root=options.root,
        mlflow=MlflowArtifacts(registry) if registry is not None else None,
        oci=OciRegistries({host: _credentials(auth, options.reserved) for host, auth in oci.items()}),
        cache=DigestCache.of_user(),
        hash_all=options.hash_all,
    )
    try:
        yield RegistryAccess(registry, artifacts)
    finally:
        if registry is not None:
            registry.close()


def of_command_line(root: Path, *, hash_all: bool = False) -> AccessOptions:
    """Return the options of a command that a person or a CI runs."""
    return AccessOptions(root, os.environ, hash_all=hash_all)


def _server(settings: Registry | None, options: AccessOptions) -> tuple[str | None, Credentials | None]:
    """Return the address and the credentials.

    Those of the environment go only to the address of the environment.
    """
    if settings is not None and settings.url is not None:
        auth = settings.auth
        return settings.url, _credentials(auth, options.reserved) if auth is not None else None
    environment = options.environment or {}
    url = environment.get(ADDRESS, "").strip()
    if not url:
        return None, None
    if not url.startswith(("http://", "https://")):
        raise UserError(
            f"${ADDRESS} is {excerpt(url)}, and only an MLflow server at http:// or https:// is read",
            hint="unset it, or name the registry in .rollout-spec.yaml",
        )
    user = environment.get(_USER, "")
    if user:
        return url, Credentials(user=user, password=environment.get(_PASSWORD, ""))
    token = environment.get(_TOKEN, "").strip()
    return url, Credentials(bearer=token) if token else None


def _credentials(auth: RegistryAuth, reserved: Collection[str]) -> Credentials:
    if auth.basic is not None:
        return Credentials(user=auth.basic.user, password=_secret(auth.basic.password, reserved))
    assert auth.bearer is not None
    return Credentials(bearer=_secret(auth.bearer, reserved))


def _secret(place: SecretPlace, reserved: Collection[str]) -> str:
    secret = read_secret(place)
    if secret.strip() in reserved:
        raise UserError(
            "a secret in `registry` is the secret of a monitor, and is not sent to the registry",
            hint="use another secret: who has this one can report breaches",
        )
    return secret
