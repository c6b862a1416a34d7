"""Fields of a logged entry, read into the values of a record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout_spec.core.inference import InferenceRecord, Scalar, Tensor
from rollout_spec.core.tensors import MOST_TENSORS, read_tensor
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import parse_time

LONGEST_TEXT = 512
"""The most characters of an id, a model, a version or a segment."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FieldError(ValueError):
    """A field that cannot be read. The text says the reason."""


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a short text, None if it is missing or empty. FieldError if it is something else, or long."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    if value is not None and not isinstance(value, str):
        raise FieldError(f"`{name}` is not a text")
    if value and len(value) > LONGEST_TEXT:
        raise FieldError(f"`{name}` has more than {LONGEST_TEXT} characters")
    return value or None


def shown(value: str) -> str:
    """Return a text of the log for a message."""
    return f"`{excerpt(value)}`"


def required_text(fields: Mapping[str, Any], name: str) -> str:
    """Return a short text. FieldError if it is missing."""
    value = text(fields, name)
    if value is None:
        raise FieldError(f"it has no `{name}`")
    return value


def number(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number, None if it is missing. FieldError if it is something else."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FieldError(f"`{name}` is not a number")
    return float(value)


def weight(fields: Mapping[str, Any], name: str) -> float:
    """Return a weight, 1 if it is missing. FieldError if it is not positive."""
    value = number(fields, name)
    if value is not None and not 0 < value < math.inf:
        raise FieldError(f"`{name}` is {value:g}, but a weight is positive")
    return 1.0 if value is None else value


def status(fields: Mapping[str, Any], name: str, default: int | None) -> int:
    """Return an HTTP status, or 0 for a request without an answer. ``default`` is for a missing one."""
    value = default if fields.get(name) is None else fields[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1000:
        raise FieldError(f"`{name}` is not an HTTP status")
    return value


def time(value: object, name: str) -> datetime | None:
    """Return a time from RFC 3339 text or from Parquet. FieldError if it is invalid."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    try:
        return parse_time(value if isinstance(value, str) else "")
    except ValueError as error:
        raise FieldError(f"`{name}` is not a time: {error}") from None


def epoch_time(fields: Mapping[str, Any], name: str, unit: timedelta) -> datetime | None:
    """Return a time from the units since 1970, None if it is missing. FieldError if it is out of range."""
    value = number(fields, name)
    try:
        return None if value is None else _EPOCH + value * unit
    except OverflowError:
        raise FieldError(f"`{name}` is not a time: {value:g} is out of range") from None


def labels(value: object) -> tuple[Scalar, ...] | None:
    """Return the labels of the rows from a list or one value. NaN is a missing label."""
    if value is None:
        return None
    values: list[Any] = value if isinstance(value, list) else [value]
    if not all(item is None or isinstance(item, bool | int | float | str) for item in values):
        raise FieldError("`label` is neither a value nor a list of values")
    return tuple(None if isinstance(item, float) and not math.isfinite(item) else item for item in values)


def tensors(value: object, name: str) -> tuple[Tensor, ...]:
    """Return the tensors of a list in the Open Inference Protocol. FieldError if a name is there twice."""
    if not isinstance(value, list):
        raise FieldError(f"`{name}` is not a list of tensors")
    if len(value) > MOST_TENSORS:
        raise FieldError(f"`{name}` has {len(value):,} tensors, more than the limit of {MOST_TENSORS:,}")
    return unique(read_tensor(item) for item in value)


def unique(found: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Return tensors. FieldError if two have the same name."""
    by_name: dict[str, Tensor] = {}
    for tensor in found:
        if tensor.name in by_name:
            raise FieldError(f"two tensors have the name `{excerpt(tensor.name)}`")
        by_name[tensor.name] = tensor
    return tuple(by_name.values())


def own_record(
    fields: Mapping[str, Any],
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    label: tuple[Scalar, ...] | None,
) -> InferenceRecord:
    """Return a record whose other fields have the project's own names."""
    return InferenceRecord(
        request_id=required_text(fields, "request_id"),
        time=time(fields.get("time"), "time"),
        model=text(fields, "model"),
        version=text(fields, "version"),
        inputs=inputs,
        outputs=outputs,
        status=status(fields, "status", 200),
        latency_ms=number(fields, "latency_ms"),
        segment=text(fields, "segment"),
        label=label,
        weight=weight(fields, "weight"),
    )
