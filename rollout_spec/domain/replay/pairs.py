"""Pairs of logged and replayed values of one request, or the reason for which it cannot be compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rollout_spec.core.divergence import OutputKind
from rollout_spec.core.inference import Scalar, Tensor
from rollout_spec.core.replay import ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.core.tensors import scalar_text
from rollout_spec.core.text import excerpt
from rollout_spec.domain.divergence import rankings, texts
from rollout_spec.domain.replay.output_forms import OutputForm, family_of, width_of

TOP = 10
"""The first items of a ranking whose overlap is measured."""


Value = str | float | bool | None
Values = Scalar | Sequence[Scalar]


@dataclass(frozen=True, slots=True)
class PairRow:
    """One row of a request in one output column: the logged and the replayed value, and measures of both.

    A ranking and its replay are sequences. ``label`` is None without a label.
    """

    request: ReplayedRequest
    row: int
    output: str
    kind: OutputKind
    logged: Values
    replayed: Values
    label: Scalar
    measures: Mapping[str, float | bool | None]

    @property
    def fields(self) -> dict[str, Value]:
        """The columns of the pairs table. Those that are missing have no value."""
        request, label = self.request, self.label
        fields: dict[str, Value] = {
            "request_id": request.request_id,
            "row": self.row,
            "segment": request.segment,
            "label_number": float(label) if isinstance(label, bool | int | float) else None,
            "label_text": None if label is None else scalar_text(label),
            "weight": request.weight,
            "arm": request.arm,
            "output": self.output,
        }
        if self.kind in ("score", "number"):
            fields |= {"logged_number": number_of(self.logged), "replayed_number": number_of(self.replayed)}
        elif self.kind != "ranking":
            fields |= {"logged_text": text_of(self.logged), "replayed_text": text_of(self.replayed)}
        return {**fields, **self.measures}

    @property
    def distance(self) -> float:
        """How far the answer moved: 0 if it is the same. Only distances of one output can be compared."""
        if self.kind in ("score", "number"):
            logged, replayed = number_of(self.logged), number_of(self.replayed)
            return abs(replayed - logged) if logged is not None and replayed is not None else 0.0
        if self.kind == "class":
            return float(text_of(self.logged) != text_of(self.replayed))
        similarity = self.measures.get("rbo" if self.kind == "ranking" else "edit_ratio")
        return 1 - similarity if similarity is not None else 0.0


def pair(request: ReplayedRequest, forms: Mapping[str, OutputForm]) -> list[PairRow] | ReplayFailure:
    """Return the rows of a request, all outputs of row 0 first, or the failure."""
    answer = request.outcome
    if isinstance(answer, ReplayFailure):
        return answer
    failure = _difference(request, answer, forms)
    if failure is not None:
        return failure
    replayed = {tensor.name: tensor for tensor in answer.outputs}
    return [
        row for tensor in request.logged for row in _rows(request, forms[tensor.name], tensor, replayed[tensor.name])
    ]


def _difference(
    request: ReplayedRequest, answer: ReplayedAnswer, forms: Mapping[str, OutputForm]
) -> ReplayFailure | None:
    """Return the failure if an answer has other names, types or shapes than the log, or lacks a value."""
    logged, replayed = ({tensor.name: tensor for tensor in side} for side in (request.logged, answer.outputs))
    if logged.keys() != replayed.keys() or len(replayed) != len(answer.outputs):
        return ReplayFailure("other-outputs", f"the answer has {_names(replayed)}, and the log {_names(logged)}")
    for name, one in logged.items():
        other, form = replayed[name], forms.get(name)
        if form is None:
            return ReplayFailure("other-outputs", f"no earlier request has the logged output `{excerpt(name)}`")
        if family_of(other) != form.family or family_of(one) != form.family:
            types = f"`{excerpt(name)}` is {excerpt(other.datatype)}, and in the log {excerpt(one.datatype)}"
            return ReplayFailure("other-outputs", types)
        is_equal = _row_count(one) == _row_count(other)
        if form.width is not None:
            is_equal = is_equal and width_of(one) == width_of(other) == form.width
        if not is_equal:
            shapes = f"`{excerpt(name)}` has the shape {_shape(other)}, and in the log {_shape(one)}"
            return ReplayFailure("other-shape", shapes)
        if any(
            _is_usable(first) and not _is_usable(second) for first, second in zip(one.data, other.data, strict=False)
        ):
            return ReplayFailure("not-a-number", f"`{excerpt(name)}` has NaN, an infinity or no value")
    return None


def _rows(request: ReplayedRequest, form: OutputForm, logged: Tensor, replayed: Tensor) -> Iterator[PairRow]:
    rows = _row_count(logged)
    widths = [len(tensor.data) // rows if rows else 0 for tensor in (logged, replayed)]
    labels = request.label if request.label is not None and len(request.label) == rows else (None,) * rows
    for at in range(rows):
        one, other = (
            tensor.data[at * width : (at + 1) * width] for tensor, width in zip((logged, replayed), widths, strict=True)
        )
        for column, kind, first, second in _compared(form, one, other):
            yield PairRow(request, at, column, kind, first, second, labels[at], _measures(kind, first, second))


def _compared(
    form: OutputForm, one: Sequence[Scalar], other: Sequence[Scalar]
) -> Iterator[tuple[str, OutputKind, Values, Values]]:
    """Yield the name, the kind and both values of each column of a row."""
    if form.is_distribution:
        (name, kind), (score, score_kind) = form.columns.items()
        tops = _top(one), _top(other)
        yield name, kind, *tops
        at = 1 if form.width == 2 else tops[0]
        if at is not None:
            yield score, score_kind, one[at], other[at]
    elif form.width is None:
        for name, kind in form.columns.items():
            yield name, kind, one, other
    else:
        for (name, kind), first, second in zip(form.columns.items(), one, other, strict=False):
            yield name, kind, first, second


def _top(row: Sequence[Scalar]) -> int | None:
    """Return the place of the highest probability, None if one is missing."""
    numbers = [value for value in row if isinstance(value, int | float) and math.isfinite(value)]
    return max(range(len(row)), key=lambda at: numbers[at]) if row and len(numbers) == len(row) else None


def _measures(kind: OutputKind, logged: Values, replayed: Values) -> dict[str, float | bool | None]:
    """Return the similarity of two rankings or texts."""
    if kind == "ranking":
        assert isinstance(logged, Sequence) and isinstance(replayed, Sequence)
        return {
            "overlap": rankings.overlap_at(logged, replayed, TOP),
            "rbo": rankings.rbo(logged, replayed),
            "tau": rankings.kendall_tau_b(logged, replayed),
            "exact": list(logged) == list(replayed),
        }
    one, other = text_of(logged), text_of(replayed)
    if kind != "text" or one is None or other is None:
        return {}
    return {
        "exact": texts.exact(one, other),
        "edit_ratio": texts.edit_ratio(one, other),
        "token_f1": texts.token_f1(one, other),
        "length_ratio": texts.length_ratio(one, other),
    }


def number_of(value: Values) -> float | None:
    """Return a value as a finite number, None if it is not one."""
    return float(value) if isinstance(value, bool | int | float) and math.isfinite(value) else None


def text_of(value: Values) -> str | None:
    """Return a value as text, None if it is missing or NaN. A ranking is its first items."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(scalar_text(item) for item in value[:TOP])
    return scalar_text(value) if _is_usable(value) else None


def _is_usable(value: Scalar) -> bool:
    """Return whether a value can be compared: it is there, and is not NaN or an infinity."""
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


def _row_count(tensor: Tensor) -> int:
    return tensor.shape[0] if tensor.shape else 1


def _names(tensors: Mapping[str, Tensor]) -> str:
    shown = ", ".join(f"`{excerpt(name)}`" for name in list(tensors)[:5])
    return f"{shown or 'no outputs'}{' and more' if len(tensors) > 5 else ''}"


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "1"
