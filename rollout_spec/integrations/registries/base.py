"""The parts of a registry that this program uses, and the credentials for one."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError
from rollout_spec.core.registered import ModelAddress, RegistryEntry, TrainingRun
from rollout_spec.integrations.storage import StoredFile

_HINT = "check the secret in `registry`"


class ModelRegistry(Protocol):
    """Entries, runs, aliases and tags.

    Each method raises UserError with status 3 if the registry gives no usable answer: None means that the registry
    says that the thing does not exist.
    """

    def entry(self, address: ModelAddress) -> RegistryEntry | None:
        """Return an entry, None if there is none."""

    def run(self, run_id: str) -> TrainingRun | None:
        """Return a training run, None if there is none."""

    def aliases(self, model: str) -> Mapping[str, str] | None:
        """Return the versions of a model by alias, None if there is no such model."""

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Let an alias name a version."""

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias. The version stays."""

    def set_tag(self, address: ModelAddress, name: str, value: str) -> None:
        """Set a tag of an entry."""

    def close(self) -> None:
        """Close the connection."""


class ArtifactStore(Protocol):
    """The files that a registry stores itself."""

    def files(self, address: str) -> list[StoredFile]:
        """Return the file at an address, or all files below it; none if nothing is there."""

    def open(self, file: StoredFile) -> BinaryIO:
        """Open a listed file for reading."""


@dataclass(frozen=True)
class Credentials:
    """A token, or a user name with a password."""

    bearer: str | None = field(default=None, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    def header(self) -> str:
        """Return the value of the HTTP header. UserError if a secret does not fit into one."""
        if self.bearer is not None:
            if not re.fullmatch(r"[!-~]+", self.bearer):
                message = "the token for the registry has a space, a line end or another character no HTTP header holds"
                raise UserError(message, hint=_HINT)
            redaction.learn(self.bearer)
            return f"Bearer {self.bearer}"
        if ":" in self.user or not f"{self.user}{self.password}".isprintable():
            message = "the user name for the registry has a colon, or the password an unprintable character"
            raise UserError(message, hint=_HINT)
        redaction.learn_basic(self.user, self.password)
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"
