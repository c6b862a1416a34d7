"""The JSON of the HTTP API, read strictly.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NoReturn

from rollout_spec.core.series import Series
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.json_answer import UselessError, read_object

__all__ = ["UselessError", "read", "reason_of"]
_MOST_VALUES = 4_000_000
"""Values in an answer, so that a small text cannot fill the memory. An answer of 32 MiB with samples has fewer."""


def read(body: bytes) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Return the series and the warnings of an answer. UselessError if it has another format."""
    answer = _parse(body)
    if answer.get("status") != "success":
        raise UselessError(f"its status is {excerpt(str(answer.get('status')))}: {answer.get('error', 'no reason')}")
    data, warnings = answer.get("data"), answer.get("warnings") or []
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        raise UselessError("it has no `data.result`")
    if not isinstance(warnings, list) or not all(isinstance(warning, str) for warning in warnings):
        raise UselessError("its `warnings` are not a list of texts")
    kind = data.get("resultType")
    if kind not in ("matrix", "vector"):
        raise UselessError(f"expected a matrix or a vector, not a {excerpt(str(kind))}")
    return tuple(_series(each, is_matrix=kind == "matrix") for each in data["result"]), tuple(warnings)


def reason_of(body: bytes) -> str | None:
    """Return the reason in the answer to a refused query, None if it has none."""
    try:
        reason = _parse(body).get("error")
    except UselessError:
        return None
    return reason if isinstance(reason, str) else None


def _parse(body: bytes) -> dict[str, Any]:
    return read_object(body, _MOST_VALUES, _no_constant)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _series(each: Any, *, is_matrix: bool) -> Series:
    labels = each.get("metric") if isinstance(each, dict) else None
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise UselessError("a series has no `metric` with labels")
    if "histograms" in each or "histogram" in each:
        raise UselessError("a series holds native histograms, which have no counters of their own")
    pairs = each.get("values") if is_matrix else [each.get("value")]
    if not isinstance(pairs, list):
        raise UselessError("a series has no samples")
    samples = tuple(_sample(pair) for pair in pairs)
    if any(after[0] <= before[0] for before, after in pairwise(samples)):
        raise UselessError("the samples of a series are out of order")
    return Series(labels, samples)


def _sample(pair: Any) -> tuple[float, float]:
    match pair:
        case [int() | float() as time, str() as text] if not isinstance(time, bool):
            seconds, value = _number(time), _number(text)
            if seconds is not None and math.isfinite(seconds) and value is not None:
                return seconds, value
    raise UselessError("a sample is not a pair of a time and a value")


def _number(spelling: str | float) -> float | None:
    """Return a number as Prometheus spells it: also ``NaN`` and ``+Inf``, without Python's ``1_000``."""
    if isinstance(spelling, str) and ("_" in spelling or not spelling.isascii()):
        return None
    try:
        return float(spelling)
    except (ValueError, OverflowError):
        return None
