"""The choices for a new repository, from those that this release supports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.integrations.forges import FORGES as FORGE_TYPES
from rollout_spec.integrations.monitors import MONITORS as MONITOR_TYPES
from rollout_spec.integrations.monitors.presets import PRESETS
from rollout_spec.spec.target import TargetDefinition
from rollout_spec.spec.workspace import ForgeSettings
from rollout_spec.workspace.working_tree import WorkingTree

NONE = "none"
FORGES = {**{name: name for name in FORGE_TYPES}, "forgejo": "gitea"}
"""The type of a forge in the workspace, by the name of its software."""
CIS = ("github", "gitlab", NONE)
_MAPPED = "json"
"""The type of monitors that a preset reads. Without a preset it needs a mapping of your own."""


@dataclass(frozen=True)
class Choices:
    """The choices for a new repository. None: the default, which may depend on the others.

    ``requirement`` is installed by CI; None if this copy has no source that others can reach.
    """

    name: str | None = None
    forge: str = "local"
    repository: str | None = None
    base_url: str | None = None
    serving: str = "kserve"
    gateway: str = "gateway-api"
    monitor: str = "prometheus-operator"
    ci: str | None = None
    minimal: bool = False
    requirement: str | None = None

    @property
    def ci_or_default(self) -> str:
        """The CI: that of the forge, unless it was chosen. A minimal repository has none."""
        if self.ci is not None:
            return self.ci
        if self.minimal or FORGES[self.forge] == "gitea":
            return NONE
        return "gitlab" if self.forge == "gitlab" else "github"

    @property
    def targets(self) -> tuple[str, ...]:
        """The types of the targets, in the order of their lines."""
        chosen = (self.serving, self.gateway, self.monitor)
        return tuple(target for target in chosen if target in (*servings(), *gateways(), *alert_targets()))

    def require_complete(self) -> None:
        """Raise UserError with every flag that a forge needs beside its name."""
        needed = {"--repository": (self.repository, "OWNER/NAME")} if self.forge != "local" else {}
        if FORGES[self.forge] == "gitea":
            needed["--base-url"] = (self.base_url, "https://HOST")
        lacks = [f"{flag} {example}" for flag, (value, example) in needed.items() if value is None]
        if lacks:
            flags = " ".join(f"{flag} {value or example}" for flag, (value, example) in needed.items())
            raise UserError(
                f"--forge {self.forge} also needs {' and '.join(lacks)}",
                hint=f"for example: rollout-spec init --forge {self.forge} {flags}",
            )
        if self.forge == "local" and (self.repository is not None or self.base_url is not None):
            raise UserError("--repository and --base-url need a --forge other than local")
        self._require_sound()

    def _require_sound(self) -> None:
        """Raise UserError if the workspace would not load with these flags, or would hold a password."""
        if self.base_url is not None and re.match(r"https?://[^/?#]*@", self.base_url):
            raise UserError(
                "--base-url: the URL has credentials, which would be committed",
                hint="leave them out: docs/forges.md says which variable holds the token",
            )
        try:
            ForgeSettings.model_validate(
                {"type": FORGES[self.forge], "repository": self.repository, "baseUrl": self.base_url}
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            flag = "--base-url" if first["loc"][-1:] == ("baseUrl",) else "--repository"
            raise UserError(f"{flag}: {first['msg']}; got `{excerpt(str(first['input']))}`") from None


@cache
def _definitions() -> dict[str, TargetDefinition]:
    nowhere = WorkingTree(Path("/nonexistent"))
    definitions = {name: catalog.find(name, nowhere) for name in resources.names("templates")}
    return {name: definition for name, definition in definitions.items() if definition is not None}


def servings() -> list[str]:
    """Return the targets that render the workloads of versions."""
    return [name for name, definition in _definitions().items() if definition.owns == "workloads"]


def gateways() -> list[str]:
    """Return the targets that render the traffic split. Every rollout with stages needs one."""
    return [name for name, definition in _definitions().items() if definition.owns == "traffic"]


def alert_targets() -> list[str]:
    """Return the targets that render alerts."""
    return [name for name, definition in _definitions().items() if definition.owns == "alerts"]


def is_kubernetes(target: str) -> bool:
    """Return whether a target renders objects that Argo CD or Flux applies."""
    return bool(_definitions()[target].kubernetes)


def monitors() -> list[str]:
    """Return the monitors: targets with alerts, senders of payloads, and none."""
    senders = [name for name in MONITOR_TYPES if name != _MAPPED]
    return [*alert_targets(), *senders, *PRESETS, NONE]
