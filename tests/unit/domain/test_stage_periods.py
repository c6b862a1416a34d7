"""The stages of a candidate, from the history of its rollout's file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rollout_spec.domain.history import Step
from rollout_spec.domain.stage_periods import stage_periods
from rollout_spec.spec.rollout import Live

START = datetime(2026, 11, 20, tzinfo=UTC)


def live(candidate: str | None = "42", stage: str | None = None) -> Live:
    return Live(stable="41", candidate=candidate, stage=stage)


def history(*states: Live | None) -> list[Step]:
    """Return steps through states, the first one an hour after the start, newest first."""
    pairs = zip((None, *states), states, strict=False)
    steps = [
        Step(f"c{index}", START + timedelta(hours=index), "", after, before)
        for index, (before, after) in enumerate(pairs, 1)
    ]
    return steps[::-1]


def spans(*states: Live | None) -> list[tuple[str, str, int, int | None]]:
    newest = next(state for state in reversed(states) if state is not None)
    return [
        (each.stage, each.commit, hours(each.since), hours(each.until) if each.until else None)
        for each in stage_periods(newest, history(*states))
    ]


def hours(moment: datetime) -> int:
    return int((moment - START).total_seconds() / 3600)


def test_each_stage_ends_as_the_next_begins() -> None:
    states = live(None), live(), live(stage="shadow"), live(stage="canary"), live(stage="canary")
    assert spans(*states) == [("canary", "c4", 4, None), ("shadow", "c3", 3, 4)]


def test_a_candidate_proposed_before_and_withdrawn_does_not_count() -> None:
    states = live(stage="canary"), live(None), live(), live(stage="shadow")
    assert spans(*states) == [("shadow", "c4", 4, None)]


def test_another_candidate_does_not_count() -> None:
    states = live("40", "canary"), live("42", "canary")
    assert spans(*states) == [("canary", "c2", 2, None)]


def test_a_retreat_begins_a_stage_again() -> None:
    states = live(None), live(stage="shadow"), live(stage="canary"), live(stage="shadow")
    assert spans(*states) == [("shadow", "c4", 4, None), ("canary", "c3", 3, 4), ("shadow", "c2", 2, 3)]


def test_the_first_commit_of_a_file_may_have_a_stage() -> None:
    assert spans(live(stage="shadow")) == [("shadow", "c1", 1, None)]


def test_a_commit_that_does_not_load_ends_the_history() -> None:
    states = live(stage="shadow"), None, live(stage="canary")
    assert spans(*states) == [("canary", "c3", 3, None)]


def test_an_uncommitted_stage_has_no_period() -> None:
    assert stage_periods(live(stage="full"), history(live(stage="shadow"))) == []
    assert stage_periods(live(), history(live())) == []
