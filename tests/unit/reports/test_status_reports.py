"""The table and the block of a status: no line is too long, and no text of a file moves a cursor."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.domain.rollout_status import IncidentStatus, OpenBranch, RolloutStatus, StageHold, WorkspaceStatus
from rollout_spec.domain.traffic import TrafficSplit
from rollout_spec.reports.short_values import cut, short_duration
from rollout_spec.reports.status_json import status_json
from rollout_spec.reports.status_table import status_table
from rollout_spec.reports.status_text import status_text
from rollout_spec.spec.rollout import Live

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = st.sampled_from(["a", "fraud", "model-with-a-long-name", "n" * 63])
VERSIONS = st.sampled_from(["1", "2026.11.20", "v" * 128])
TEXTS = st.text("a\x1b\n\u202e\x9b\U000e0001", max_size=120)
TIMES = st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)])
HOLDS = st.sampled_from([timedelta(0), timedelta(minutes=15), timedelta(days=106_751, hours=23)])
SHARES = st.sampled_from([Decimal(0), Decimal(5), Decimal("12.123456789012")])


@st.composite
def statuses(draw: st.DrawFn) -> RolloutStatus:
    """Draw a status whose texts are as long and odd as a file allows."""
    name = draw(NAMES)
    if draw(st.integers(0, 5)) == 0:
        return RolloutStatus(name, draw(TEXTS))
    stable, candidate = draw(VERSIONS), draw(st.none() | VERSIONS)
    stage = draw(st.none() | st.just("a" * 63)) if candidate is not None else None
    return RolloutStatus(
        name,
        live=Live(stable=stable, candidate=candidate, stage=stage),
        split=TrafficSplit(stable, candidate, draw(SHARES)),
        hold=draw(st.none() | st.builds(StageHold, HOLDS, st.none() | TIMES)),
        targets=tuple(draw(st.lists(VERSIONS, max_size=3))),
        obstacles=draw(st.dictionaries(VERSIONS, TEXTS, max_size=2)),
        incidents=tuple(draw(st.lists(st.builds(IncidentStatus, NAMES, st.none() | VERSIONS), max_size=3))),
        branches=tuple(draw(st.lists(st.builds(OpenBranch, TEXTS, NAMES, NAMES, NAMES), max_size=3))),
        drilled=draw(st.none() | TIMES),
    )


def plain(text: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", text)


@given(st.lists(statuses(), max_size=4), st.sampled_from([None, "--offline"]))
def test_no_line_of_a_table_is_longer_than_80_columns(rollouts: list[RolloutStatus], not_asked: str | None) -> None:
    status = WorkspaceStatus("acme", tuple(rollouts), not_asked=not_asked)
    table = status_table(status, NOW)
    assert plain(status_table(status, NOW, color=True)) == table
    lines = table.splitlines()
    assert len(lines) == 1 + len(rollouts) * bool(rollouts)
    assert all(len(line) <= 80 and line.isprintable() for line in lines)


@given(statuses(), st.sampled_from([None, "--offline"]))
def test_no_line_of_a_block_is_longer_than_80_columns(status: RolloutStatus, not_asked: str | None) -> None:
    lines = status_text(status, NOW, not_asked).splitlines()
    assert all(len(line) <= 80 and line.isprintable() for line in lines)
    fields = status_json(WorkspaceStatus("acme", (status,), not_asked=not_asked), NOW)["rollouts"][0]
    assert fields["name"] == status.name
    assert (fields["branches"] is None) == (not_asked is not None)


def in_stage(**fields: object) -> RolloutStatus:
    live = Live(stable="41", candidate="42", stage="canary-5")
    split = TrafficSplit("41", "42")
    return RolloutStatus("fraud", live=live, split=split, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "cell"),
    [
        (timedelta(hours=1), "over"),
        (timedelta(minutes=59), "1m"),
        (timedelta(minutes=59, seconds=20), "40s"),
        (timedelta(minutes=30, seconds=17), "29m"),
        (timedelta(minutes=-90), "2h30m"),
        (None, "?"),
    ],
)
def test_the_hold_is_the_time_that_is_left(since: timedelta | None, cell: str) -> None:
    hold = StageHold(timedelta(hours=1), NOW - since if since is not None else None)
    row = status_table(WorkspaceStatus("acme", (in_stage(hold=hold),)), NOW).splitlines()[1]
    assert row.split()[5] == cell


def test_without_a_target_and_with_an_incident_the_row_is_colored() -> None:
    incident = IncidentStatus("fraud-42", "42")
    status = RolloutStatus("fraud", live=Live(stable="41"), split=TrafficSplit("41"), incidents=(incident,))
    row = status_table(WorkspaceStatus("acme", (status,)), NOW, color=True).splitlines()[1]
    assert "\x1b[33mnone" in row and "\x1b[31m1" in row
    assert "no rollback target" in status_text(status, NOW, None)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.9, "59s"), (3_661, "1h1m"), (90_000, "1d1h"), (86_399, "23h59m")]
)
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    assert short_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("width", "text"), [(5, "abc\\n"), (4, "abc…"), (1, "…")])
def test_a_text_is_escaped_before_it_is_cut(width: int, text: str) -> None:
    assert cut("abc\n", width) == text
