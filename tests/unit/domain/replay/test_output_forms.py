"""The kind of an output is recognised from its logged values, or given."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import Scalar, Tensor
from rollout_spec.core.replay import ReplayedAnswer, ReplayedRequest
from rollout_spec.domain.replay.output_forms import OutputForm, parse_override, recognise


def form_of(datatype: str, rows: Sequence[Sequence[Scalar]], **kinds: str) -> OutputForm:
    """Return the form of an output with one request for each row."""
    requests = [
        ReplayedRequest("failed", at, str(at), (Tensor("y", datatype, (1, len(row)), row),), ReplayedAnswer((), 1.0))
        for at, row in enumerate(rows)
    ]
    return recognise(requests, dict(map(parse_override, (f"{name}={kind}" for name, kind in kinds.items()))))["y"]


LONG = "The card was used in two countries within an hour, and the amount is unusual."


@pytest.mark.parametrize(
    ("datatype", "rows", "columns"),
    [
        ("BOOL", [[True], [False]], {"y": "class"}),
        ("INT64", [[3], [7]], {"y": "class"}),
        ("INT64", [[at] for at in range(101)], {"y": "number"}),
        ("BYTES", [["fraud"], ["fine"]], {"y": "class"}),
        ("BYTES", [[f"order {at}"] for at in range(30)], {"y": "text"}),
        ("BYTES", [[LONG], [LONG]], {"y": "text"}),
        ("BYTES", [["a", "b", "c"]], {"y": "ranking"}),
        ("INT64", [[5, 9, 2], [9, 2, 4]], {"y": "ranking"}),
        ("INT64", [[5, 9, 2], [9]], {"y": "ranking"}),
        ("FP64", [[0.2], [1.0], [None], [float("nan")]], {"y": "score"}),
        ("FP64", [[0.2], [1.1]], {"y": "number"}),
        ("FP64", [[0.2, 3.0], [1.1, 2.0]], {"y[0]": "number", "y[1]": "number"}),
        ("FP32", [[0.2, 0.8], [0.5, 0.5001]], {"y": "class", "y (probability)": "score"}),
        ("FP32", [[0.2, 0.8], [0.5, 0.6]], {"y[0]": "score", "y[1]": "score"}),
        ("FP64", [[0.0] * 99 + [2.0]], {f"y[{at}]": "number" for at in range(64)}),
    ],
)
def test_a_kind_is_recognised(datatype: str, rows: list[list[Scalar]], columns: dict[str, str]) -> None:
    assert form_of(datatype, rows).columns == columns


@pytest.mark.parametrize(
    ("datatype", "rows", "kind", "columns"),
    [
        ("FP64", [[0.2], [0.7]], "number", {"y": "number"}),
        ("INT64", [[3], [7]], "number", {"y": "number"}),
        ("BYTES", [["a"], ["b"]], "text", {"y": "text"}),
        ("FP64", [[3.0, 1.0]], "class", {"y": "class", "y (probability)": "score"}),
        ("FP64", [[3.0, 1.0]], "ranking", {"y": "ranking"}),
    ],
)
def test_a_kind_is_given(datatype: str, rows: list[list[Scalar]], kind: str, columns: dict[str, str]) -> None:
    form = form_of(datatype, rows, y=kind)
    assert (form.columns, form.reason) == (columns, "--output-kind says so")


@pytest.mark.parametrize(
    ("datatype", "row", "kinds", "message"),
    [
        ("BYTES", ["a"], {"y": "score"}, "--output-kind y=score, but the logged values are texts"),
        ("FP64", [7.0], {"y": "score"}, "--output-kind y=score, but logged values lie outside of 0 to 1"),
        ("FP64", [7.0], {"z": "score"}, "--output-kind names `z`, which is not among the logged outputs"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(
    datatype: str, row: list[Scalar], kinds: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        form_of(datatype, [row], **kinds)
    assert caught.value.message == message


@pytest.mark.parametrize("text", ["y", "=class", "y=", "y=colour", "y=Class"])
def test_an_override_has_a_name_and_a_kind(text: str) -> None:
    with pytest.raises(ValueError, match="expected NAME=KIND with one of class, score, number, ranking, text"):
        parse_override(text)
