"""Models in a registry: addresses, entries, training runs, and examinations of artifacts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DIGEST_TAG = "rollout-spec.digest"
"""The tag of an entry with the digest of its bytes."""
DATASET_TAG = "rollout-spec.datasetDigest"
"""The tag of an entry or a run with the digest of the training data."""
QUARANTINED_TAG = "rollout-spec.quarantined"
INCIDENT_TAG = "rollout-spec.incident"
"""The tags of a failed version: whether it is quarantined, and the incident."""
_MODEL = re.compile(r"models:/(?P<name>[^/:@\x00-\x1f]{1,256})(/(?P<version>[0-9]{1,18})|@(?P<alias>[^/@\x00-\x1f]+))")
_RUN = re.compile(r"runs:/(?P<run>[A-Za-z0-9_-]{1,64})(/(?P<path>[^\x00-\x1f]*))?")


@dataclass(frozen=True)
class ModelAddress:
    """The address of an entry: ``models:/NAME/VERSION``. An alias in place of the version moves."""

    name: str
    version: str | None
    alias: str | None = None

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.version}" if self.version else f"models:/{self.name}@{self.alias}"


@dataclass(frozen=True)
class RunAddress:
    """The address of a folder of a training run: ``runs:/ID/PATH``."""

    run_id: str
    path: str


def parse_address(address: str) -> ModelAddress | RunAddress | None:
    """Return the entry or run that an address names, None if it names neither."""
    model, run = _MODEL.fullmatch(address), _RUN.fullmatch(address)
    if model is not None:
        return ModelAddress(model["name"], model["version"], model["alias"])
    return RunAddress(run["run"], run["path"] or "") if run is not None else None


@dataclass(frozen=True)
class Dataset:
    """A dataset that a training run read. The digest is in the form of the program that logged it."""

    name: str
    digest: str


@dataclass(frozen=True)
class TrainingRun:
    """A training run with its metrics, tags and datasets."""

    run_id: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    is_deleted: bool = False
    artifacts: str | None = None


@dataclass(frozen=True)
class RegistryEntry:
    """A version of a registered model. ``artifact`` is the address of its bytes."""

    address: ModelAddress
    run_id: str | None = None
    artifact: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    status: str = "READY"


Way = Literal["hashed", "remembered", "manifest", "listed", "not-hashed", "missing", "refused", "unreadable"]
"""How an artifact was examined. ``listed``: it exists, and nothing more was asked. ``not-hashed``: it is too large, and
no earlier digest is known. ``refused``: something is there, and has no digest, such as a folder with a symbolic link.
``unreadable``: its address cannot be read by this program."""


@dataclass(frozen=True)
class Examination:
    """The result for an artifact. ``reason`` says why it was not hashed or not read."""

    address: str
    way: Way
    digest: str | None = None
    size: int = 0
    files: int = 0
    reason: str | None = None
