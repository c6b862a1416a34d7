"""A registry in memory, and a workspace whose artifacts lie on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import ModelAddress, RegistryEntry, TrainingRun
from rollout_spec.integrations.registries import Artifacts
from rollout_spec.workflows.registry import RegistryAccess
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

DATA = f"sha256:{'2' * 64}"
VERSIONS = ("40", "41", "42", "43")
ROLLOUT = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {{name: {name}}}
spec:
  service: {{host: {name}.ml}}
  versions:
{records}  live:
    stable: "41"
    candidate: "42"
    knownGood: ["40"]
  stages: [{{name: full, weight: 100%}}]
"""
RECORD = """\
    "{version}":
      model: models:/{name}/{version}
      artifact: {artifact}
      digest: {digest}
      runId: run{version}
      datasetDigest: {data}
      metrics: {{auc: 0.91}}
"""
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {{name: {name}}}
spec:
  rollout: fraud
  failedVersion: "{version}"
  restoredVersion: "41"
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: {status}
"""
CLEARED = """\
  verdict: cleared
  reproduced: {environment: staging}
  rootCause: The network.
  resolution: Nothing.
"""


@dataclass
class FakeRegistry:
    """A registry in memory. ``is_down``: it does not answer. ``written`` are the changes in their order."""

    entries: dict[tuple[str, str], RegistryEntry] = field(default_factory=dict)
    runs: dict[str, TrainingRun] = field(default_factory=dict)
    alias: dict[str, dict[str, str]] = field(default_factory=dict)
    is_down: bool = False
    written: list[str] = field(default_factory=list)

    def entry(self, address: ModelAddress) -> RegistryEntry | None:
        self._answer()
        return self.entries.get((address.name, address.version or ""))

    def run(self, run_id: str) -> TrainingRun | None:
        self._answer()
        return self.runs.get(run_id)

    def aliases(self, model: str) -> Mapping[str, str] | None:
        self._answer()
        return self.alias.get(model)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        self._answer()
        self.written.append(f"{alias} of {model} is {version}")
        self.alias[model][alias] = version

    def remove_alias(self, model: str, alias: str) -> None:
        self._answer()
        self.written.append(f"{alias} of {model} is gone")
        del self.alias[model][alias]

    def set_tag(self, address: ModelAddress, name: str, value: str) -> None:
        self._answer()
        self.written.append(f"{name} of {address} is {value}")
        entry = self.entries[address.name, address.version or ""]
        self.change(entry.address.version or "", tags={**entry.tags, name: value})

    def close(self) -> None:
        return None

    def change(self, version: str, **fields: object) -> None:
        """Change the entry of a version of fraud."""
        self.entries["fraud", version] = replace(self.entries["fraud", version], **fields)  # type: ignore[arg-type]

    def change_run(self, version: str, **fields: object) -> None:
        """Change the run of a version of fraud."""
        self.runs[f"run{version}"] = replace(self.runs[f"run{version}"], **fields)  # type: ignore[arg-type]

    def _answer(self) -> None:
        if self.is_down:
            raise UserError("the registry does not answer", status=OUTSIDE)


@dataclass
class Registered:
    """A workspace with the rollout ``fraud``, its artifacts on disk, and a registry that agrees with it."""

    folder: Path
    registry: FakeRegistry = field(default_factory=FakeRegistry)

    def __post_init__(self) -> None:
        records = []
        for version in VERSIONS:
            content = f"weights of {version}".encode()
            artifact = self.artifact(version)
            artifact.parent.mkdir(exist_ok=True, parents=True)
            artifact.write_bytes(content)
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            shown = f"artifacts/{version}.bin"
            records.append(RECORD.format(version=version, name="fraud", artifact=shown, digest=digest, data=DATA))
            address = ModelAddress("fraud", version)
            self.registry.entries["fraud", version] = RegistryEntry(address, f"run{version}", str(artifact))
            tags = {"rollout-spec.datasetDigest": DATA}
            self.registry.runs[f"run{version}"] = TrainingRun(f"run{version}", {"auc": 0.9131}, tags)
        self.registry.alias["fraud"] = {}
        self.write("rollouts/fraud.yaml", ROLLOUT.format(name="fraud", records="".join(records)))
        self.write(".rollout-spec.yaml", "apiVersion: rollout-spec/v1\nkind: Workspace\nmetadata: {name: acme}\n")

    def artifact(self, version: str) -> Path:
        """Return the path of an artifact."""
        return self.folder / "artifacts" / f"{version}.bin"

    def write(self, path: str, text: str) -> None:
        """Write a file of the workspace."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text, "utf-8")

    def edit(self, before: str, after: str, path: str = "rollouts/fraud.yaml") -> None:
        """Replace a text that is there once."""
        text = (self.folder / path).read_text("utf-8")
        assert text.count(before) == 1, before
        self.write(path, text.replace(before, after))

    def incident(self, name: str, version: str, *, is_cleared: bool = False) -> None:
        """Write an incident of fraud."""
        status = "resolved" if is_cleared else "open"
        text = INCIDENT.format(name=name, version=version, status=status)
        self.write(f"incidents/{name}.yaml", text + (CLEARED if is_cleared else ""))

    @property
    def repository(self) -> Repository:
        """The workspace as it is on disk now."""
        return Repository(WorkingTree(self.folder))

    @property
    def access(self) -> RegistryAccess:
        """The access to the registry and the artifacts."""
        return RegistryAccess(self.registry, Artifacts(self.folder))

    def line(self, text: str) -> int:
        """Return the number of the line with a text that is there once."""
        lines = (self.folder / "rollouts/fraud.yaml").read_text("utf-8").splitlines()
        (number,) = (number for number, line in enumerate(lines, start=1) if text in line)
        return number
