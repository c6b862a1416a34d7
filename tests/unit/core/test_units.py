"""A share, a duration, a time and a version have one spelling each, and are read exactly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.units import (
    NAME,
    duration_hint,
    format_duration,
    format_share,
    format_time,
    is_version,
    label,
    parse_duration,
    parse_share,
    parse_time,
)

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)


@pytest.mark.parametrize(
    ("text", "percent"),
    [("0%", "0"), ("0.5%", "0.5"), ("5%", "5"), ("33.333333333333%", "33.333333333333"), ("100.0%", "100")],
)
def test_a_share_is_exact(text: str, percent: str) -> None:
    assert parse_share(text) == Decimal(percent)


def test_a_tenth_is_a_tenth() -> None:
    assert parse_share("0.1%") + parse_share("0.2%") == parse_share("0.3%")


@pytest.mark.parametrize(
    "text",
    [
        *("", "%", "5", "5 %", " 5%", "5%\n", "-5%", "+5%", ".5%", "5.%", "05%", "00%", "1e1%", "0,5%", "٥%", "1000%"),
        "0.0000000000001%",
    ],
)
def test_a_misspelled_share_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"a share is written with its sign, from 0% to 100%: `5%`, `0\.5%`"):
        parse_share(text)


@pytest.mark.parametrize("text", ["101%", "100.000000000001%", "999%"])
def test_a_share_above_all_is_told_its_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="a share lies between 0% and 100%"):
        parse_share(text)


@pytest.mark.parametrize(
    ("percent", "text"),
    [("0", "0%"), ("0.000", "0%"), ("0.50", "0.5%"), ("100", "100%"), ("1E+1", "10%"), ("1E-12", "0.000000000001%")],
)
def test_a_share_is_written_without_idle_zeros(percent: str, text: str) -> None:
    assert format_share(Decimal(percent)) == text


@some
@given(st.decimals(0, 100, places=12))
def test_a_share_that_is_written_is_read_back(percent: Decimal) -> None:
    assert parse_share(format_share(percent)) == percent


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0s", timedelta(0)),
        ("250ms", timedelta(milliseconds=250)),
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("48h", timedelta(hours=48)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(minutes=90)),
        ("1m1ms", timedelta(minutes=1, milliseconds=1)),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
        ("999999999d", timedelta(days=999_999_999)),
    ],
)
def test_a_duration_is_the_sum_of_its_units(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "h", "ms", "1.5h", "1 h", " 1h", "1h\n", "1H", "-1s", "+1s", "1w", "1us", "30m1h", "5ms1s", "1h1h"),
        *("1m30", "1mms", "٣s", "1d-1h", "1234567890s"),
    ],
)
def test_a_misspelled_duration_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="a duration has units, the largest first: `30s`, `15m`, `48h`, `7d`, `1h30m`"):
        parse_duration(text)


def test_a_duration_may_be_too_long() -> None:
    with pytest.raises(ValueError, match="is too long"):
        parse_duration("999999999d24h")


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=999), "0s"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(hours=48), "2d"),
        (timedelta(milliseconds=1500), "1s500ms"),
    ],
)
def test_a_duration_is_written_in_its_largest_units(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@some
@given(st.integers(0, 999_999_999 * 86_400_000).map(lambda number: timedelta(milliseconds=number)))
def test_a_duration_that_is_written_is_read_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T10:15:00Z", datetime(2026, 11, 20, 10, 15, tzinfo=UTC)),
        ("2026-11-20t10:15:00z", datetime(2026, 11, 20, 10, 15, tzinfo=UTC)),
        ("2026-11-20T10:15:00+02:00", datetime(2026, 11, 20, 8, 15, tzinfo=UTC)),
        ("2026-11-20T00:15:00+05:45", datetime(2026, 11, 19, 18, 30, tzinfo=UTC)),
        ("2026-11-20T23:15:00-08:00", datetime(2026, 11, 21, 7, 15, tzinfo=UTC)),
        ("2026-11-20T10:15:00.1Z", datetime(2026, 11, 20, 10, 15, 0, 100_000, tzinfo=UTC)),
        ("2026-11-20T10:15:00.123456789Z", datetime(2026, 11, 20, 10, 15, 0, 123_456, tzinfo=UTC)),
        ("2026-11-20T10:15:59.999999999Z", datetime(2026, 11, 20, 10, 15, 59, 999_999, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_its_zone(text: str, moment: datetime) -> None:
    read = parse_time(text)
    assert read == moment
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-11-20", "2026-11-20T10:15:00", "2026-11-20 10:15:00Z", "2026-11-20T10:15Z", "20261120T101500Z"),
        *(
            "2026-11-20T10:15:00.Z",
            "2026-11-20T10:15:00.1234567890Z",
            "2026-11-20T10:15:00+0200",
            "2026-11-20T10:15:00Z\n",
        ),
        *("2026-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z"),
        *("2026-11-20T25:00:00Z", "2026-11-20T10:60:00Z", "2026-11-20T10:15:61Z", "0000-01-01T00:00:00Z"),
        *(
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "2026-11-20T10:15:00+24:00",
            "٢٠٢٦-11-20T10:15:00Z",
        ),
    ],
)
def test_a_time_that_is_none_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="a time is RFC 3339 with a zone: `2026-11-20T10:15:00Z`"):
        parse_time(text)


@some
@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_a_time_that_is_written_is_read_back_to_the_second(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment.replace(microsecond=0)


def test_a_time_is_written_in_utc() -> None:
    assert format_time(parse_time("2026-11-20T10:15:00.9+02:00")) == "2026-11-20T08:15:00Z"


@pytest.mark.parametrize("text", ["42", "1.10", "2026.11", "v1.0.0-rc.1+cuda", "A_b", "x" * 128])
def test_a_version_has_letters_digits_and_a_few_signs(text: str) -> None:
    assert is_version(text)


@pytest.mark.parametrize("text", ["", "1 0", "1/0", "é", "1:0", "42\n", "x" * 129, "{42}"])
def test_nothing_else_is_a_version(text: str) -> None:
    assert not is_version(text)


@pytest.mark.parametrize(
    ("version", "name"), [("42", "42"), ("2026.11", "2026-11"), ("1.0.0+CUDA", "1-0-0-cuda"), ("v_1", "v-1")]
)
def test_a_label_is_the_version_in_lower_case_letters_and_digits(version: str, name: str) -> None:
    assert label(version) == name


@some
@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._+-]{0,40}[A-Za-z0-9]\Z"))
def test_a_label_fits_into_a_kubernetes_name(version: str) -> None:
    assert is_version(version)
    assert re.fullmatch(NAME, f"fraud-v{label(version)}")
    assert label(label(version)) == label(version)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("90", "add its unit: `90s`, `90m` or `90h`"),
        ("5 minutes", "write `5m`"),
        ("250 ms", "write `250ms`"),
        ("250 milliseconds", "write `250ms`"),
        ("1 hour 30 min", "write `1h30m`"),
        ("2 days, 3 hours", "write `2d3h`"),
        ("3 months", None),
        ("2 weeks", None),
        ("5 parsecs", None),
        ("5M", None),
        ("1" * 100_000, None),
    ],
)
def test_a_hint_never_changes_the_unit_of_a_duration(text: str, hint: str | None) -> None:
    assert duration_hint(text) == hint
