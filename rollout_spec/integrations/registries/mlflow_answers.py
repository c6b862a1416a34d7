"""The JSON of MLflow's REST API, read strictly.

Source: https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollout_spec.core.registered import Dataset, ModelAddress, RegistryEntry, TrainingRun
from rollout_spec.integrations.json_answer import UselessError, read_object

__all__ = ["MISSING", "UselessError", "aliases_of", "artifact_of", "entry_of", "error_of", "parse", "run_of"]
MISSING = "RESOURCE_DOES_NOT_EXIST"
_MOST_VALUES = 1_000_000
"""Values in an answer, so that a small text cannot fill the memory."""
_MOST_DIGITS = 19
"""Of the size of a file in bytes: 64 bits."""


def parse(body: bytes) -> dict[str, Any]:
    """Return an answer as data. UselessError if it is no JSON object."""
    return read_object(body or b"{}", _MOST_VALUES)


def error_of(body: bytes) -> tuple[str | None, str | None]:
    """Return the code and the message of an error, None for each that the answer lacks."""
    try:
        answer = parse(body)
    except UselessError:
        return None, None
    code, message = answer.get("error_code"), answer.get("message")
    return (code if isinstance(code, str) else None), (message if isinstance(message, str) else None)


def entry_of(answer: dict[str, Any], address: ModelAddress, artifact: str | None) -> RegistryEntry:
    """Return the entry in an answer. UselessError if it is about another one."""
    version = _mapping(answer, "model_version")
    if (version.get("name"), str(version.get("version"))) != (address.name, address.version):
        raise UselessError(f"it is not about {address}")
    run_id, status = version.get("run_id"), version.get("status", "READY")
    return RegistryEntry(
        address,
        run_id if isinstance(run_id, str) and run_id else None,
        artifact,
        dict(_pairs(version, "tags")),
        status if isinstance(status, str) else "READY",
    )


def artifact_of(answer: dict[str, Any]) -> str | None:
    """Return the address of the bytes of an entry, None if it has none."""
    address = answer.get("artifact_uri")
    return address if isinstance(address, str) and address else None


def run_of(answer: dict[str, Any], run_id: str) -> TrainingRun:
    """Return the run in an answer. UselessError if it is about another one."""
    run = _mapping(answer, "run")
    info, data = _mapping(run, "info"), _mapping(run, "data", {})
    if info.get("run_id") != run_id:
        raise UselessError(f"it is not about the run {run_id}")
    metrics = {name: _number(value) for name, value in _pairs(data, "metrics")}
    datasets = [_mapping(each, "dataset") for each in _list(_mapping(run, "inputs", {}), "dataset_inputs")]
    artifacts = info.get("artifact_uri")
    return TrainingRun(
        run_id,
        metrics,
        dict(_pairs(data, "tags")),
        tuple(Dataset(str(each.get("name", "")), str(each.get("digest", ""))) for each in datasets),
        info.get("lifecycle_stage", "active") != "active",
        artifacts if isinstance(artifacts, str) else None,
    )


def aliases_of(answer: dict[str, Any]) -> dict[str, str]:
    """Return the versions in an answer by alias."""
    model = _mapping(answer, "registered_model")
    return {str(each.get("alias")): str(each.get("version")) for each in _list(model, "aliases")}


def files_of(answer: dict[str, Any]) -> Iterator[tuple[str, bool, int]]:
    """Yield name, whether it is a folder, and size of the entries of a folder."""
    for each in _list(answer, "files"):
        name, size = each.get("path"), each.get("file_size") or 0
        if not isinstance(name, str) or not (str(size).isdecimal() and len(str(size)) <= _MOST_DIGITS):
            raise UselessError("a file has no path or no size")
        yield name, each.get("is_dir") is True, int(size)


def _mapping(data: Any, name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
    value = data.get(name, default) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise UselessError(f"it has no `{name}`")
    return value


def _list(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = data.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise UselessError(f"its `{name}` is not a list of objects")
    return value


def _pairs(data: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a list of tags or metrics. MLflow leaves an empty value out."""
    for each in _list(data, name):
        key, value = each.get("key"), each.get("value", "")
        if not isinstance(key, str) or not isinstance(value, str | int | float):
            raise UselessError(f"one of its `{name}` has no key or no value")
        yield key, value


def _number(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise UselessError("a metric is not a number") from None
