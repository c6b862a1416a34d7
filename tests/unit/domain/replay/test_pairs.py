"""A replayed request gives a pair of values for each row and output, or the reason for which it gives none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.inference import Tensor
from rollout_spec.core.replay import ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.domain.replay.histograms import BINS, difference_histograms
from rollout_spec.domain.replay.observations import MOST_MOVED, Observations
from rollout_spec.domain.replay.output_forms import recognise
from rollout_spec.domain.replay.pairs import PairRow, pair


def tensor(datatype: str, *rows: Any, name: str = "y") -> Tensor:
    """Return a tensor of some rows."""
    if rows and isinstance(rows[0], list):
        return Tensor(name, datatype, (len(rows), len(rows[0])), [value for row in rows for value in row])
    return Tensor(name, datatype, (len(rows),), list(rows))


def replayed(logged: Tensor, answer: Tensor, **fields: Any) -> ReplayedRequest:
    """Return a request of the failed version."""
    return ReplayedRequest("failed", 0, "r", (logged,), ReplayedAnswer((answer,), 2.0), **fields)


def rows_of(logged: Tensor, answer: Tensor, **fields: Any) -> list[dict[str, Any]]:
    """Return the rows of a request in the pairs table."""
    request = replayed(logged, answer, **fields)
    result = pair(request, recognise([request], {}))
    assert not isinstance(result, ReplayFailure), result
    return [row.fields for row in result]


def test_a_batch_is_split_into_rows_with_their_labels() -> None:
    first, second = rows_of(
        tensor("INT64", 3, 7), tensor("FP64", 3.0, 8.0), label=(3, None), segment="web", weight=10.0
    )
    assert first == {
        "request_id": "r", "row": 0, "segment": "web", "label_number": 3.0, "label_text": "3", "weight": 10.0,
        "arm": "failed", "output": "y", "logged_text": "3", "replayed_text": "3",
    }  # fmt: skip
    assert (second["logged_text"], second["replayed_text"], second["label_text"]) == ("7", "8", None)


def test_labels_of_another_length_are_left_out() -> None:
    rows = rows_of(tensor("INT64", 3, 7), tensor("INT64", 3, 8), label=(1,))
    assert [row["label_text"] for row in rows] == [None, None]


def test_probabilities_are_a_class_and_a_score() -> None:
    two = rows_of(tensor("FP64", [0.9, 0.1]), tensor("FP64", [0.3, 0.7]))
    assert [(row["output"], row.get("logged_text"), row.get("replayed_text")) for row in two[:1]] == [("y", "0", "1")]
    assert (two[1]["output"], two[1]["logged_number"], two[1]["replayed_number"]) == ("y (probability)", 0.1, 0.7)
    three = rows_of(tensor("FP64", [0.2, 0.5, 0.3]), tensor("FP64", [0.2, 0.1, 0.7]))
    assert (three[0]["logged_text"], three[0]["replayed_text"]) == ("1", "2")
    assert (three[1]["logged_number"], three[1]["replayed_number"]) == (0.5, 0.1)


def test_rankings_may_differ_in_their_lengths() -> None:
    (row,) = rows_of(tensor("BYTES", ["a", "b", "c"]), tensor("BYTES", ["b", "a"]))
    assert (row["tau"], row["exact"]) == (-1.0, False) and row["overlap"] == pytest.approx(2 / 3)


def test_texts_are_measured() -> None:
    (row,) = rows_of(tensor("BYTES", "refused: the card is stolen, ask the bank"), tensor("BYTES", "refused"))
    assert row["exact"] is False and row["token_f1"] == pytest.approx(2 / 9) and row["length_ratio"] < 0.2


@pytest.mark.parametrize(
    ("logged", "answer", "kind", "message"),
    [
        (tensor("FP64", 1.5), tensor("FP64", 1.5, 2.0), "other-shape", "`y` has the shape 2, and in the log 1"),
        (tensor("FP64", [1.5, 2]), tensor("FP64", [1.5, 2, 3]), "other-shape", "the shape 1 x 3, and in the log 1 x 2"),
        (tensor("FP64", 1.5), tensor("FP64", 1.5, name="z"), "other-outputs", "the answer has `z`, and the log `y`"),
        (tensor("FP64", 1.5), tensor("BYTES", "high"), "other-outputs", "`y` is BYTES, and in the log FP64"),
        (tensor("FP64", 1.5), tensor("FP64", float("nan")), "not-a-number", "`y` has NaN, an infinity or no value"),
        (tensor("FP64", 1.5), tensor("FP64", float("inf")), "not-a-number", "`y` has NaN, an infinity or no value"),
        (tensor("FP64", 1.5), tensor("FP64", None), "not-a-number", "`y` has NaN, an infinity or no value"),
    ],
)
def test_an_answer_in_another_form_is_a_failure(logged: Tensor, answer: Tensor, kind: str, message: str) -> None:
    request = replayed(logged, answer)
    result = pair(request, recognise([request], {}))
    assert isinstance(result, ReplayFailure)
    assert result.kind == kind and message in result.message


def test_a_value_that_the_log_lacks_too_is_no_failure() -> None:
    rows = rows_of(tensor("FP64", float("nan"), 2.5), tensor("FP64", float("nan"), 2.0))
    assert [(row["logged_number"], row["replayed_number"]) for row in rows] == [(None, None), (2.5, 2.0)]


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=60))
def test_the_figures_hold_each_row_once(values: list[tuple[float, float]]) -> None:
    observations = Observations()
    for at, (logged, answer) in enumerate(values):
        request = replayed(tensor("FP64", logged), tensor("FP64", answer))
        row = PairRow(request, at, "y", "number", logged, answer, None, {})
        observations.add(request, [row])
    (histogram,) = difference_histograms(observations.differences)
    assert sum(histogram.failed) == len(values) and len(histogram.failed) == BINS and not sum(histogram.floor)
    assert histogram.edges == tuple(sorted(histogram.edges))
    distances = sorted((abs(answer - logged) for logged, answer in values if answer != logged), reverse=True)
    assert [row.distance for row in observations.moved] == distances[:MOST_MOVED]
