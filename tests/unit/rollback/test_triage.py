"""Of several breaches of one version one is answered, and what failed together is named once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from repo import EXAMPLE, NINE

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.rollback import Facts, PastRollback, UndoneCommits
from rollout_spec.rollback.triage import is_acted_on, name_shared_cause, strongest
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.workspace import Automation
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

NOW = NINE + timedelta(hours=1)
UNDONE = UndoneCommits(since=NOW - timedelta(minutes=10))
SETTINGS = Automation()
REPOSITORY = Repository(WorkingTree(EXAMPLE))


@pytest.fixture(scope="module")
def rollout() -> ModelRollout:
    """The example, with 42 in canary-5."""
    file = Repository(WorkingTree(EXAMPLE)).rollout("fraud")
    assert file is not None and file.model is not None
    return file.model


def told(trigger: str | None, minutes: int = 2, name: str = "", **fields: object) -> Breach:
    """Return a breach that was seen some minutes ago."""
    seen = NOW - timedelta(minutes=minutes)
    breach = Breach(name or f"{trigger}-{minutes}", "alertmanager", "fraud", "42", seen, trigger)
    return replace(breach, **fields)  # type: ignore[arg-type]


HARD, SOFT, OUTSIDE = told("latency-sla"), told("drift", 8), told("conversion", 9)
OVER = told("latency-sla", 7, ended_at=NOW - timedelta(minutes=1))
OLD_SOFT = told("drift", 60 * 25)
CASES = {
    "one alone": ([SOFT], SOFT),
    "a hard one before an earlier soft one": ([SOFT, HARD], HARD),
    "a hard one in time before an earlier one outside its stages": ([OUTSIDE, HARD], HARD),
    "one that lasts before an earlier one that is over": ([OVER, HARD], HARD),
    "the earlier of two that need nobody": ([HARD, told("serving-errors", 5)], told("serving-errors", 5)),
    "a hard one that is over before an earlier soft one": ([SOFT, OVER], OVER),
    "a soft one with fewer reasons against it": ([OLD_SOFT, SOFT], SOFT),
    "one with a trigger before an earlier one without": ([told(None, 5), HARD], HARD),
    "the first name of two at one moment": ([told("latency-sla", name="b"), told("latency-sla", name="a")], None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_strongest_is_the_one_with_the_least_against_it(rollout: ModelRollout, name: str) -> None:
    breaches, expected = CASES[name]
    for order in itertools.permutations(breaches):
        found = strongest(order, rollout, UNDONE, SETTINGS, NOW)
        first = expected or breaches[-1]
        assert replace(found, also=()) == first, "in whatever order they are told"
        others = sorted((each for each in breaches if each != first), key=lambda each: each.observed_at)
        assert list(found.also) == others


def test_of_a_rollout_that_does_not_load_it_is_the_earliest() -> None:
    assert strongest([HARD, SOFT, OLD_SOFT], None, UndoneCommits(), SETTINGS, NOW) == replace(
        OLD_SOFT, also=(SOFT, HARD)
    )


@pytest.mark.parametrize(
    ("breach", "undone", "acted_on"),
    [
        (HARD, UNDONE, True),
        (SOFT, UNDONE, False),
        (OUTSIDE, UNDONE, False),
        (OVER, UNDONE, False),
        (told(None), UNDONE, False),
        (told("latency-sla", 60 * 25), UNDONE, False),
        (HARD, replace(UNDONE, since=NOW, served_before=True), False),
        (HARD, replace(UNDONE, reverted_at=NOW), False),
        (replace(HARD, version=None), UNDONE, True),
        (replace(OUTSIDE, version=None), UNDONE, False),
        (told("latency-sla", 12), replace(UNDONE, served_before=True), True),
        (told("latency-sla", 12), replace(UNDONE, since=NOW - timedelta(minutes=6), served_before=True), False),
    ],
)
def test_only_what_asks_for_no_person_is_acted_on(
    rollout: ModelRollout, breach: Breach, undone: UndoneCommits, acted_on: bool
) -> None:
    assert is_acted_on(breach, rollout, undone, SETTINGS, NOW) == acted_on


# A shared cause.


def beside(name: str, minutes: int = 2, version: str = "7.1") -> Breach:
    return replace(told("latency-sla", minutes), rollout=name, version=version)


def before(name: str, minutes: int, *, acted: bool = True) -> PastRollback:
    seen = NOW - timedelta(minutes=minutes)
    return PastRollback(f"{name}-5", name, "5", "4", "canary-5", seen, merged_at=seen, has_hard_trigger=acted)


SAID = replace(HARD, evidence=Evidence("p99 is 900ms"))


def test_two_are_no_shared_cause() -> None:
    assert name_shared_cause(SAID, "42", Facts(concurrent_breaches=(beside("churn"),)), SETTINGS, REPOSITORY) is SAID


def test_the_first_names_all_and_the_others_name_the_first() -> None:
    facts = Facts((before("ads", 5),), (beside("spam"),))
    first = name_shared_cause(
        replace(SAID, rollout="ads", version="5"),
        "5",
        replace(facts, concurrent_breaches=(SAID, beside("spam"))),
        SETTINGS,
        REPOSITORY,
    )
    assert first.evidence.summary == "shared cause, 3 rollouts at once: ads 5, fraud 42, spam 7.1. p99 is 900ms"
    other = name_shared_cause(SAID, "42", facts, SETTINGS, REPOSITORY)
    assert other.evidence.summary == "shared cause with ads 5, see incident ads-5. p99 is 900ms"
    last = name_shared_cause(beside("spam"), "7.1", replace(facts, concurrent_breaches=(SAID,)), SETTINGS, REPOSITORY)
    assert last.evidence.summary == "shared cause with ads 5, see incident ads-5."


def test_the_incident_that_is_named_has_the_label_of_the_version() -> None:
    facts = Facts(concurrent_breaches=(beside("ads", version="2026.11"), beside("spam")))
    found = name_shared_cause(SAID, "42", facts, SETTINGS, REPOSITORY)
    assert found.evidence.summary == "shared cause with ads 2026.11, see incident ads-2026-11. p99 is 900ms"


@pytest.mark.parametrize(
    "facts",
    [
        Facts((before("ads", 5, acted=False), before("churn", 5))),
        Facts((before("ads", 13), before("churn", 5))),
        Facts((before("ads", 5), before("ads", 6)), (beside("ads"),)),
        Facts((before("fraud", 5),), (beside("churn"), beside("fraud"))),
    ],
    ids=["soft", "long ago", "one thrice", "its own"],
)
def test_what_is_soft_or_long_ago_or_told_before_does_not_count(facts: Facts) -> None:
    assert name_shared_cause(SAID, "42", facts, SETTINGS, REPOSITORY) is SAID


def test_a_rollout_that_a_person_named_alone_is_named_with_its_version() -> None:
    facts = Facts(concurrent_breaches=(beside("spam"), beside("zeta")))
    found = name_shared_cause(replace(SAID, version=None), "42", facts, SETTINGS, REPOSITORY)
    assert found.evidence.summary.startswith("shared cause, 3 rollouts at once: fraud 42, spam 7.1, zeta 7.1.")
