"""The record of a new version, from its entry in the registry."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.registered import (
    DATASET_TAG,
    DIGEST_TAG,
    ModelAddress,
    RegistryEntry,
    TrainingRun,
    parse_address,
)
from rollout_spec.core.text import excerpt, join_some
from rollout_spec.core.units import DIGEST, NAME
from rollout_spec.domain.signature import ModelFile, matching_contracts, read_model_file
from rollout_spec.workflows.registry import RegistryAccess
from rollout_spec.workspace.repository import Repository

_MODEL_FILE = "MLmodel"
_MOST_BYTES = 1 << 20
_MOST_METRICS = 50
_LONGEST_NUMBER = 40
_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")


@dataclass
class RecordDraft:
    """The fields of a record as plain data, and notes on missing facts."""

    fields: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def record_from(source: str, repository: Repository, access: RegistryAccess, given: Mapping[str, Any]) -> RecordDraft:
    """Return the record of an entry. ``given`` are the fields that the user sets: they are not looked up.

    UserError if there is no such entry, or if its digest is not that of its tag.
    """
    entry = _entry(source, access)
    run = access.required().run(entry.run_id) if entry.run_id is not None else None
    draft = RecordDraft({"model": str(entry.address)})
    if entry.run_id is not None:
        draft.fields["runId"] = entry.run_id
    artifact = given.get("artifact") or entry.artifact
    if artifact is not None:
        draft.fields["artifact"] = artifact
    if "digest" not in given:
        _add_digest(draft, artifact, entry, access)
    if "datasetDigest" not in given:
        _add_dataset(draft, entry, run)
    if run is not None:
        _add_metrics(draft, run, given.get("metrics") or {})
    content = access.artifacts.read_small(entry.artifact, _MODEL_FILE, _MOST_BYTES) if entry.artifact else None
    model = read_model_file(content) if content is not None else ModelFile()
    if model.format is not None and re.fullmatch(NAME, model.format):
        draft.fields["format"] = model.format
    _add_pin(draft, model, repository, given.get("requires") or {})
    return draft


def _entry(source: str, access: RegistryAccess) -> RegistryEntry:
    address = parse_address(source)
    if not isinstance(address, ModelAddress):
        raise UserError(f"`{excerpt(source)}` is no entry of a registry", hint="write `models:/NAME/VERSION`")
    registry = access.required()
    if address.version is None:
        version = (registry.aliases(address.name) or {}).get(address.alias or "")
        if version is None:
            raise UserError(f"the registry has no alias {address}")
        address = ModelAddress(address.name, version)
    entry = registry.entry(address)
    if entry is None:
        raise UserError(f"the registry has no entry {address}", hint="register the model first")
    return entry


def _add_digest(draft: RecordDraft, artifact: str | None, entry: RegistryEntry, access: RegistryAccess) -> None:
    tag = entry.tags.get(DIGEST_TAG)
    if tag is not None and not re.fullmatch(DIGEST, tag):
        raise UserError(f"the tag {DIGEST_TAG} of {entry.address} is no digest: {excerpt(tag)}")
    seen = access.artifacts.examine(artifact) if artifact is not None else None
    if seen is not None and seen.way == "missing":
        raise UserError(f"nothing is at {excerpt(seen.address, 200)}", hint="use --artifact URI for the served bytes")
    actual = seen.digest if seen is not None else None
    if actual is not None and tag is not None and actual != tag:
        raise UserError(
            f"the bytes at {excerpt(artifact or '', 200)} have the digest {actual}, but the tag {DIGEST_TAG} is {tag}",
            hint="find out who changed them; --digest sets another digest",
        )
    if actual is None and seen is not None:
        draft.notes.append(f"{excerpt(seen.address, 200)} is not hashed: {seen.reason}")
    digest = actual or tag
    if digest is not None:
        draft.fields["digest"] = digest
    else:
        draft.notes.append("the record has no digest: add --digest sha256:…")


def _add_dataset(draft: RecordDraft, entry: RegistryEntry, run: TrainingRun | None) -> None:
    tags = [each.tags[DATASET_TAG] for each in (entry, run) if each is not None and DATASET_TAG in each.tags]
    hashes = [each.digest.removeprefix("sha256:") for each in (run.datasets if run else ())]
    digests = [*tags, *(f"sha256:{each}" for each in hashes)]
    known = list(dict.fromkeys(digest for digest in digests if re.fullmatch(DIGEST, digest)))
    if (tags and known[:1] == tags[:1]) or len(known) == 1:
        draft.fields["datasetDigest"] = known[0]
    else:
        why = "has several digests" if known else "has no SHA-256"
        draft.notes.append(f"the registry {why} of the training data: set the tag {DATASET_TAG}, or --dataset-digest")


def _add_metrics(draft: RecordDraft, run: TrainingRun, given: Collection[str]) -> None:
    numbers = {name: format(Decimal(repr(value)), "f") for name, value in run.metrics.items() if math.isfinite(value)}
    usable = {
        name: Decimal(text)
        for name, text in sorted(numbers.items())
        if _METRIC.fullmatch(name) and len(text) <= _LONGEST_NUMBER and name not in given
    }
    kept = dict(list(usable.items())[:_MOST_METRICS])
    left_out = [excerpt(name) for name in sorted(run.metrics) if name not in kept and name not in given]
    if kept:
        draft.fields["metrics"] = kept
    if left_out:
        draft.notes.append(f"left out of the metrics: {join_some(left_out, 5)}")


def _add_pin(draft: RecordDraft, model: ModelFile, repository: Repository, given: Mapping[str, Any]) -> None:
    """Pin the one schema with the demands of the signature. Otherwise name the columns."""
    if model.columns is None:
        draft.notes.append("the model has no signature with named columns: pin its schema with --requires")
        return
    matches = [(name, version) for name, version in matching_contracts(model, repository) if name not in given]
    if len(matches) == 1:
        name, version = matches[0]
        draft.fields["requires"] = {name: version}
        draft.notes.append(f"pinned {name} {version}: its contract has the columns of the signature")
    elif matches:
        names = ", ".join(f"{name}={version}" for name, version in matches[:5])
        draft.notes.append(f"several contracts fit the signature: choose one with --requires: {names}")
    else:
        columns = join_some([excerpt(column) for column in model.columns], 5)
        draft.notes.append(f"no schema has the columns of the signature ({columns}): pin one with --requires")
