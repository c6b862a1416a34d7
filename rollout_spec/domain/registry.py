"""The comparison of records with a registry and with stores of artifacts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from rollout_spec.core.findings import KeyPath, Problem, Severity
from rollout_spec.core.registered import (
    DATASET_TAG,
    DIGEST_TAG,
    Examination,
    RegistryEntry,
    RunAddress,
    TrainingRun,
    parse_address,
)
from rollout_spec.core.text import excerpt
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout, VersionRecord

HAS_ENTRY = "registry-has-entry"
AGREES = "registry-agrees"
INTACT = "artifact-intact"
"""The names of findings."""
Role = Literal["stable", "candidate", "known-good", "quarantined"]
_LEAST_DECIMALS = 2
_HEX = 64


@dataclass(frozen=True)
class VersionFacts:
    """The facts of a registry about a version, and its artifacts by the field with their address.

    ``entry`` and ``run`` are None if the registry does not have them, or the record names none.
    """

    entry: RegistryEntry | None = None
    run: TrainingRun | None = None
    artifacts: Mapping[KeyPath, Examination] = field(default_factory=dict)


def roles(rollout: ModelRollout, repository: Repository) -> dict[str, Role]:
    """Return the recorded versions whose artifacts are needed, each with its role."""
    live = rollout.spec.live
    found: dict[str, Role] = dict.fromkeys(quarantined(rollout, repository), "quarantined")
    found |= dict.fromkeys(live.known_good, "known-good")
    if live.candidate is not None:
        found[live.candidate] = "candidate"
    found[live.stable] = "stable"
    return {version: found[version] for version in rollout.spec.versions if version in found}


def problems(version: str, record: VersionRecord, facts: VersionFacts, role: Role) -> Iterator[tuple[str, Problem]]:
    """Yield the problems of a version, each with the name of its finding.

    Of a quarantined version only the existence of its entry and its artifact is examined.
    """
    at: KeyPath = ("spec", "versions", version)
    yield from ((HAS_ENTRY, problem) for problem in _entry_problems(at, record, facts))
    if role != "quarantined":
        yield from ((AGREES, problem) for problem in _disagreements(at, record, facts))
    for path, seen in facts.artifacts.items():
        wanted = _digest_of(record, path)
        yield from ((INTACT, problem) for problem in _artifact_problems((*at, *path), seen, wanted, role))
    if not facts.artifacts and record.model is None:
        message = f"the record of {version} names neither a registry entry nor an artifact: nothing is verified"
        yield INTACT, Problem(at, message, "add `model` or `artifact`", "warning", on_key=True)
    elif not facts.artifacts and record.model is not None and _exists(record.model, facts):
        message = f"the registry names no artifact of {excerpt(record.model)}: nothing is verified"
        yield INTACT, Problem((*at, "model"), message, "restore it, or add `artifact`")


def _exists(model: str, facts: VersionFacts) -> bool:
    """Return whether the registry has the entry or the run at an address."""
    return facts.entry is not None or (isinstance(parse_address(model), RunAddress) and facts.run is not None)


def _entry_problems(at: KeyPath, record: VersionRecord, facts: VersionFacts) -> Iterator[Problem]:
    if record.model is None:
        return
    path, address = (*at, "model"), parse_address(record.model)
    if address is None:
        message = f"`{excerpt(record.model)}` is no address of a registry: the entry is not verified"
        yield Problem(path, message, "write `models:/NAME/VERSION`", "warning")
    elif isinstance(address, RunAddress):
        if facts.run is None:
            yield Problem(path, f"the registry has no run {address.run_id}", "restore the run")
    elif address.version is None:
        message = f"{address} names an alias, which may name another version tomorrow"
        yield Problem(path, message, "write the version: `models:/NAME/VERSION`")
    elif facts.entry is None:
        yield Problem(path, f"the registry has no entry {address}", "restore the entry, or remove the version from use")
    elif facts.entry.status != "READY":
        yield Problem(path, f"{address} is not ready: its status is {excerpt(facts.entry.status)}")
    run_id = record.run_id
    is_known = address is not None and (facts.entry is not None or isinstance(address, RunAddress))
    if run_id is not None and is_known and facts.run is None:
        yield Problem((*at, "runId"), f"the registry has no run {excerpt(run_id)}", "restore the run")
    elif facts.run is not None and facts.run.is_deleted:
        key = "runId" if run_id is not None else "model"
        yield Problem((*at, key), f"the run {facts.run.run_id} is deleted", "restore the run", "warning")


def _disagreements(at: KeyPath, record: VersionRecord, facts: VersionFacts) -> Iterator[Problem]:
    entry, run = facts.entry, facts.run
    address = parse_address(record.model) if record.model is not None else None
    named = entry.run_id if entry is not None else address.run_id if isinstance(address, RunAddress) else None
    if record.run_id is not None and named is not None and named != record.run_id:
        yield Problem((*at, "runId"), f"the registry names the run {excerpt(named)}, the record {record.run_id}")
    tag = entry.tags.get(DIGEST_TAG) if entry is not None else None
    if tag is not None and record.digest is not None and tag != record.digest:
        message = f"the tag {DIGEST_TAG} of the entry is {excerpt(tag, 80)}, but the record has another digest"
        yield Problem((*at, "digest"), message)
    if entry is None and run is None:
        return
    yield from _dataset_problems((*at, "datasetDigest"), record, entry, run)
    if run is not None:
        yield from _metric_problems((*at, "metrics"), record, run)


def _dataset_problems(
    path: KeyPath, record: VersionRecord, entry: RegistryEntry | None, run: TrainingRun | None
) -> Iterator[Problem]:
    wanted = record.dataset_digest
    if wanted is None:
        return
    tags = [each.tags[DATASET_TAG] for each in (entry, run) if each is not None and DATASET_TAG in each.tags]
    datasets = {each.digest.removeprefix("sha256:") for each in (run.datasets if run else ())}
    others = [tag for tag in tags if tag != wanted]
    if others:
        yield Problem(path, f"the tag {DATASET_TAG} is {excerpt(others[0], 80)}, but the record has another digest")
    elif tags or wanted.removeprefix("sha256:") in datasets:
        return
    elif any(len(digest) == _HEX for digest in datasets):
        names = ", ".join(sorted(f"sha256:{digest}" for digest in datasets if len(digest) == _HEX)[:3])
        yield Problem(path, f"the run was trained on other data: {names}")
    elif run is not None or record.run_id is None:  # else the missing run is reported
        message = "the registry has no SHA-256 of the training data, so that this one cannot be confirmed"
        yield Problem(path, message, f"set the tag {DATASET_TAG} of the entry or its run", "warning")


def _metric_problems(path: KeyPath, record: VersionRecord, run: TrainingRun) -> Iterator[Problem]:
    for name, recorded in (record.metrics or {}).items():
        value = run.metrics.get(name)
        if value is None:
            message = f"the run {run.run_id} has no metric {name}, so that this value cannot be confirmed"
            yield Problem((*path, name), message, severity="warning")
        elif not agree(recorded, value):
            yield Problem((*path, name), f"the run has {name} {value!r}, the record {recorded}")


def agree(recorded: Decimal, value: float) -> bool:
    """Return whether a value of a registry, rounded to the decimals of the record, is the recorded one.

    A record with fewer than two decimals must have the value itself.
    """
    if not math.isfinite(value):
        return False
    exponent = recorded.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    rounding = Decimal(10) ** -decimals / 2 if decimals >= _LEAST_DECIMALS else Decimal(0)
    printing = abs(recorded) * Decimal("1e-9")
    return abs(Decimal(value) - recorded) <= rounding + printing


def _digest_of(record: VersionRecord, path: KeyPath) -> str | None:
    """Return the digest that a record has for the artifact at a field."""
    if path[0] == "parts" and record.parts is not None and isinstance(path[1], int):
        return record.parts[path[1]].digest
    return record.digest


def _artifact_problems(path: KeyPath, seen: Examination, wanted: str | None, role: Role) -> Iterator[Problem]:
    address = excerpt(seen.address, 200)
    if seen.way == "missing":
        why = f" ({seen.reason})" if seen.reason else ""
        hint = (
            "restore it: a failed artifact is evidence" if role == "quarantined" else "restore it before it is needed"
        )
        yield Problem(path, f"the artifact of this {role} version is gone: nothing is at {address}{why}", hint)
    elif seen.way == "unreadable":
        yield Problem(path, f"{address} is not verified: {seen.reason}", severity="warning")
    elif seen.way == "refused":
        severity: Severity = "error" if wanted is not None and role != "quarantined" else "warning"
        message = f"the bytes at {address} cannot be compared with the record: {seen.reason}"
        yield Problem(path, message, "make it readable, or restore the recorded files", severity)
    elif seen.way == "not-hashed" and wanted is not None and role != "quarantined":
        message = f"{address} is not hashed: {seen.reason}"
        yield Problem(path, message, "read it once with --hash-all; its digest is remembered", "warning")
    elif seen.digest is not None and wanted is not None and seen.digest != wanted and role != "quarantined":
        place = (*path[:-1], "digest")
        yield Problem(place, f"the bytes at {address} have the digest {seen.digest}, not the recorded one")
    elif seen.digest is not None and wanted is None and role != "quarantined":
        yield Problem(path, f"no digest is recorded for {address}", f"its bytes have {seen.digest}", "warning")
