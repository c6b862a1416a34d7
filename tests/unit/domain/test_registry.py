"""Metrics of a record agree with those of a registry if they are the same number, up to the digits of the record."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.registered import ModelAddress, RunAddress, parse_address
from rollout_spec.domain.registry import agree

VALUES = st.floats(-1e6, 1e6)


@given(VALUES, st.integers(2, 12))
def test_a_rounded_value_agrees_and_its_neighbours_do_not(value: float, decimals: int) -> None:
    recorded = Decimal(f"{value:.{decimals}f}")
    unit = Decimal(10) ** -decimals
    assert agree(recorded, value)
    if unit > abs(recorded) * Decimal("1e-8"):  # else floats do not tell them apart
        assert not agree(recorded + 2 * unit, value)
        assert not agree(recorded - 2 * unit, value)


@given(VALUES)
def test_a_value_agrees_with_its_own_spelling(value: float) -> None:
    assert agree(Decimal(repr(value)), value)


@pytest.mark.parametrize(
    ("recorded", "value"), [("1", 0.7), ("1", 1.4), ("0.9", 0.94), ("100", 100.4), ("0", 0.4), ("1E+2", 120.0)]
)
def test_a_coarse_record_does_not_agree_with_everything_near(recorded: str, value: float) -> None:
    assert not agree(Decimal(recorded), value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_never_agrees(value: float) -> None:
    assert not agree(Decimal("0.91"), value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("models:/fraud/41", ModelAddress("fraud", "41")),
        ("models:/my fraud model/41", ModelAddress("my fraud model", "41")),
        ("models:/fraud@champion", ModelAddress("fraud", None, "champion")),
        ("runs:/0a1b/model/x", RunAddress("0a1b", "model/x")),
        ("models:/fraud", None),
        ("models:/fraud/latest", None),
        ("models:/fraud/41/", None),
        ("models:/a\nb/41", None),
        ("models://host/fraud/41", None),
        ("s3://models/fraud/41", None),
    ],
)
def test_addresses(text: str, address: object) -> None:
    assert parse_address(text) == address
