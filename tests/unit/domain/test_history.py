"""What a rollback undoes follows from the history of ``live`` alone, read newest first and no further than it must."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rollout_spec.rollback import Step, UndoneCommits, rollback_reverted_at, undone_commits
from rollout_spec.spec.rollout import Live


def live(**fields: Any) -> Live:
    return Live.model_validate({"stable": "41", "knownGood": ["40"], **fields})


def day(number: int) -> datetime:
    return datetime(2026, 1, 1 + number, tzinfo=UTC)


def history(*lives: Live | None) -> Iterator[Step]:
    """Make commits out of what ``live`` was, oldest first; give them newest first, each a day after the one before."""
    steps = [
        Step(f"c{number}", day(number), "s", after, before)
        for number, (before, after) in enumerate(zip((None, *lives), lives, strict=False))
    ]
    return reversed(steps)


def at(stage: str) -> Live:
    return live(candidate="42", stage=stage)


PROPOSED, AT_SHADOW, AT_FULL = live(candidate="42"), at("shadow"), at("full")
FIRST, FIRST_TO_41 = (live(stable="40", candidate=candidate, knownGood=[]) for candidate in (None, "41"))
PROMOTED = live(stable="42", knownGood=["41", "40"])
NEXT = live(stable="42", candidate="43", knownGood=["41", "40"])
AFTER_NEXT = live(stable="43", knownGood=["42", "41", "40"])

CASES: dict[str, tuple[str, list[Live], str, str, int | None, bool]] = {
    "to its proposal": ("42", [live(), PROPOSED, AT_FULL], "c2 c1", "", 2, False),
    "the first stage of a proposal": ("42", [live(), AT_FULL], "c1", "", 1, False),
    "from stage to stage": ("42", [live(), PROPOSED, AT_SHADOW, AT_FULL], "c3 c2 c1", "", 3, True),
    "back to a stage": ("42", [live(), AT_SHADOW, AT_FULL, AT_SHADOW], "c3 c2 c1", "", 3, True),
    "other edits are kept": ("42", [live(), PROPOSED, PROPOSED, AT_FULL, AT_FULL], "c3 c1", "c4 c2", 3, False),
    "edits before it are none of it": ("42", [live(), live(), PROPOSED, AT_FULL], "c3 c2", "", 3, False),
    "proposed twice": ("42", [live(), PROPOSED, live(), PROPOSED], "c3", "", 3, False),
    "promoted": ("42", [live(), AT_FULL, PROMOTED], "c2 c1", "", 2, True),
    "what came in since goes too": ("42", [live(), AT_FULL, PROMOTED, NEXT], "c3 c2 c1", "", 2, True),
    "the commit that brought the file is kept": ("42", [AT_FULL], "", "", 0, False),
    "it began with the file": ("42", [AT_FULL, PROMOTED], "c1", "", 1, True),
    "restored by a rollback": ("41", [live(), AT_FULL, PROMOTED, live()], "c3 c2 c1", "", 3, True),
    "stable, and a candidate": ("41", [FIRST, FIRST_TO_41, live(), AT_FULL], "c3 c2 c1", "", 2, False),
    "known good and restored": ("42", [AT_FULL, PROMOTED, NEXT, AFTER_NEXT, PROMOTED], "c4 c3 c2 c1", "", 4, True),
    "it is not there": ("39", [live(), AT_FULL], "", "", None, False),
    "nothing is known": ("42", [], "", "", None, False),
}
"""By what each is about: the version, ``live`` over time, the commits that are undone and kept, since when, moved."""


@pytest.mark.parametrize("name", CASES)
def test_what_is_undone_is_what_changed_live_since_the_proposal(name: str) -> None:
    version, lives, undone, kept, since, moved = CASES[name]
    found = undone_commits(version, history(*lives))
    assert [step.commit for step in found.steps] == undone.split()
    assert [step.commit for step in found.kept_edits] == kept.split()
    assert found == UndoneCommits(
        found.steps, None if since is None else day(since), kept_edits=found.kept_edits, served_before=moved
    )
    assert undone_commits(version, history(*lives), day(9)) == replace(found, reverted_at=day(9))


@pytest.mark.parametrize(
    ("lives", "since", "commit"),
    [
        ([live(), PROPOSED, None, AT_FULL], None, "c2"),
        ([live(), PROPOSED, None, AT_FULL, PROMOTED], 4, "c2"),
        ([None, AT_FULL, PROMOTED, PROMOTED], 2, "c0"),
        ([live(), AT_FULL, None], None, "c2"),
    ],
)
def test_behind_a_text_that_did_not_load_nothing_is_known(
    lives: list[Live | None], since: int | None, commit: str
) -> None:
    reason = f"the file did not load at {commit}, so its content then is unknown"
    assert undone_commits("42", history(*lives)) == UndoneCommits((), None if since is None else day(since), reason)


def test_a_commit_is_named_by_its_first_letters() -> None:
    step = Step("0123456789abcdef" * 2, day(0), "s", None, None)
    assert (undone_commits("42", [step]).reason or "").startswith("the file did not load at 0123456789ab, so")


def test_a_history_is_read_no_further_than_the_proposal() -> None:
    steps = history(live(), PROPOSED, AT_FULL)
    undone_commits("42", steps)
    assert [step.commit for step in steps] == ["c0"]


def test_a_history_is_read_no_further_than_its_last_two_changes() -> None:
    steps = history(live(), PROPOSED, PROPOSED, AT_SHADOW, AT_FULL)
    rollback_reverted_at("42", steps)
    assert [step.commit for step in steps] == ["c2", "c1", "c0"]


@pytest.mark.parametrize(
    ("version", "lives", "retaken"),
    [
        ("42", [AT_FULL, live(), AT_FULL], 2),
        ("42", [AT_FULL, live(), AT_FULL, AT_FULL], 2),
        ("42", [AT_FULL, live(), live(), AT_FULL], 3),
        ("42", [PROMOTED, live(), PROMOTED], 2),
        ("42", [AT_FULL, live(), AT_SHADOW], None),
        ("41", [AT_FULL, live(), AT_FULL], None),
        ("42", [live(), AT_FULL, live()], None),
        ("42", [AT_FULL, live(), AT_FULL, PROMOTED], None),
        ("42", [live(), AT_FULL], None),
        ("42", [AT_FULL], None),
        ("42", [], None),
        ("42", [AT_FULL, None, AT_FULL], None),
        ("42", [AT_FULL, live(), None], None),
        ("42", [AT_FULL, live(knownGood=["42", "40"]), AT_FULL], 2),
    ],
)
def test_a_rollback_is_taken_back_by_the_commit_that_undoes_it_and_nothing_else(
    version: str, lives: list[Live | None], retaken: int | None
) -> None:
    assert rollback_reverted_at(version, history(*lives)) == (None if retaken is None else day(retaken))
