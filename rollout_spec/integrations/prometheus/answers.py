"""The JSON of the HTTP API, read strictly.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
"""

from __future__ import annotations

import math
from operator import lt
from typing import Any, NoReturn

from rollout_spec.core.series import Series
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.json_answer import UselessError, read_object

__all__ = ["UselessError", "read", "reason_of"]
_MOST_VALUES = 4_000_000
"""Values in an answer, so that a small text cannot fill the memory. An answer of 32 MiB with samples has fewer."""
_NO_PAIR = "a sample is not a pair of a time and a value"


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
    return Series(labels, _samples(pairs))


def _samples(pairs: list[Any]) -> tuple[tuple[float, float], ...]:
    """Return the times and values of pairs. There may be a million, so no line of Python runs for each."""
    if not set(map(type, pairs)) <= {list} or not set(map(len, pairs)) <= {2}:
        raise UselessError(_NO_PAIR)
    times, texts = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if not set(map(type, times)) <= {int, float} or not set(map(type, texts)) <= {str}:
        raise UselessError(_NO_PAIR)
    spellings = "".join(texts)
    if "_" in spellings or not spellings.isascii():  # Prometheus writes ``NaN`` and ``+Inf``, Python also takes 1_000
        raise UselessError(_NO_PAIR)
    try:
        seconds, values = list(map(float, times)), list(map(float, texts))
    except (ValueError, OverflowError):
        raise UselessError(_NO_PAIR) from None
    if not all(map(math.isfinite, seconds)):
        raise UselessError(_NO_PAIR)
    if not all(map(lt, seconds, seconds[1:])):
        raise UselessError("the samples of a series are out of order")
    return tuple(zip(seconds, values, strict=True))
