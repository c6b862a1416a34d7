"""Who answers follows from ``live`` and ``stages`` alone, and every step of a rollout has one outcome."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.domain import traffic, transitions
from rollout_spec.spec.rollout import Live, RolloutSpec

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)

STAGES = ["shadow", "canary-5", "ab-50", "full"]


def live(**fields: Any) -> Live:
    return Live.model_validate({"stable": "41", "knownGood": ["40"], **fields})


def at(stage: str | None, **fields: Any) -> Live:
    """42 is the candidate, in this stage."""
    return live(candidate="42", stage=stage, **fields)


def spec(first: dict[str, Any], **fields: Any) -> RolloutSpec:
    """A rollout of one stage, before the one with all traffic."""
    return RolloutSpec.model_validate(
        {
            "service": {"host": "fraud.ml"},
            "versions": {"40": {}, "41": {}, "42": {}},
            "live": {"stable": "41", "candidate": "42", "stage": "now", **fields},
            "stages": [{"name": "now", **first}, {"name": "full", "weight": "100%"}],
        }
    )


MATCH = {"header": "x-arm", "value": "b"}


@pytest.mark.parametrize(
    ("stage", "shares", "versions", "text"),
    [
        ({"weight": "5%"}, ("5", "0"), ("41", "42"), "95% to 41, 5% to 42"),
        ({"weight": "0.5%"}, ("0.5", "0"), ("41", "42"), "99.5% to 41, 0.5% to 42"),
        ({"weight": "50.0%"}, ("50", "0"), ("41", "42"), "50% to 41, 50% to 42"),
        ({"weight": "100%"}, ("100", "0"), ("42",), "100% to 42"),
        ({"mirror": "20%"}, ("0", "20"), ("41", "42"), "100% to 41, 20% mirrored to 42"),
        ({"weight": "10%", "mirror": "1%"}, ("10", "1"), ("41", "42"), "90% to 41, 10% to 42, 1% mirrored to 42"),
        ({"match": MATCH}, ("0", "0"), ("41", "42"), "100% to 41, x-arm: b to 42"),
        ({"weight": "1%", "match": MATCH}, ("1", "0"), ("41", "42"), "99% to 41, 1% to 42, x-arm: b to 42"),
    ],
)
def test_a_stage_gives_its_share_to_the_candidate(
    stage: dict[str, Any], shares: tuple[str, str], versions: tuple[str, ...], text: str
) -> None:
    split = traffic.split(spec(stage))
    assert (split.weight, split.mirror) == tuple(map(Decimal, shares))
    assert split.versions == versions
    assert split.text == text


@pytest.mark.parametrize(
    ("stage", "fields"),
    [
        ({"weight": "5%"}, {"candidate": None, "stage": None}),
        ({"weight": "5%"}, {"stage": None}),
        ({"weight": "5%"}, {"stage": "unheard-of"}),
        ({"weight": "0%"}, {}),
        ({"weight": "0%", "mirror": "0%"}, {}),
        ({}, {}),
    ],
)
def test_stable_has_all_where_no_candidate_takes_part(stage: dict[str, Any], fields: dict[str, Any]) -> None:
    split = traffic.split(spec(stage, **fields))
    assert split == traffic.TrafficSplit("41")
    assert split.versions == ("41",)
    assert split.text == "100% to 41"


def test_a_version_is_in_a_stage_or_promoted_or_nowhere() -> None:
    now = spec({"weight": "5%"})
    assert [traffic.stage_name_of(now, version) for version in ("42", "41", "40")] == ["now", "promoted", None]


@pytest.mark.parametrize(
    ("before", "after", "on"),
    [
        ({}, {"candidate": None, "stage": None}, False),
        ({}, {}, False),
        ({}, {"stage": "full"}, True),
        ({"stage": "full"}, {}, False),
        ({"stage": None}, {}, True),
        ({}, {"stage": None}, False),
        ({"stage": None}, {"stage": None}, False),
        ({"candidate": "40"}, {}, True),
        ({"candidate": "40"}, {"stage": None}, True),
        ({"candidate": None, "stage": None}, {"stage": None}, True),
    ],
)
def test_a_candidate_goes_on_if_it_is_another_one_or_further(
    before: dict[str, Any], after: dict[str, Any], on: bool
) -> None:
    assert traffic.has_progressed(spec({"weight": "5%"}, **before), spec({"weight": "5%"}, **after)) is on


# Steps.


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [
        (live(), lambda now: transitions.propose(now, "42"), at(None)),
        (at(None), lambda now: transitions.advance(now, STAGES), at("shadow")),
        (
            at("shadow"),
            lambda now: transitions.advance(now, STAGES, to="canary-5"),
            at("canary-5"),
        ),
        (
            at(None),
            lambda now: transitions.advance(now, STAGES, to="full", fixes="fraud-41"),
            at("full", fixes="fraud-41"),
        ),
        (
            at("shadow", fixes="fraud-41"),
            lambda now: transitions.advance(now, STAGES, to="full"),
            at("full", fixes="fraud-41"),
        ),
        (
            at("ab-50", fixes="fraud-41"),
            lambda now: transitions.retreat(now, STAGES, "shadow"),
            at("shadow", fixes="fraud-41"),
        ),
        (at("ab-50", fixes="fraud-41"), transitions.withdraw, live()),
        (at(None), transitions.withdraw, live()),
        (
            at("full", fixes="fraud-41"),
            lambda now: transitions.promote(now, STAGES, ()),
            live(stable="42", knownGood=["41", "40"]),
        ),
        (
            at("full"),
            lambda now: transitions.promote(now, STAGES, {"41"}),
            live(stable="42", knownGood=["40"]),
        ),
        (
            at("full", knownGood=["40", "39"]),
            lambda now: transitions.retire(now, "39", ["40", "39"]),
            at("full", knownGood=["40"]),
        ),
        (
            at("full", fixes="fraud-40", knownGood=["40", "39", "38"]),
            lambda now: transitions.roll_back_stable(now, "39"),
            live(stable="39", knownGood=["38"]),
        ),
        (live(), lambda now: transitions.roll_back_stable(now, "40"), live(stable="40", knownGood=[])),
    ],
)
def test_a_step_has_one_outcome(before: Live, step: Callable[[Live], Live], after: Live) -> None:
    kept = before.model_copy(deep=True)
    assert step(before) == after
    assert before == kept


@pytest.mark.parametrize(
    ("before", "step", "words"),
    [
        (
            at(None),
            lambda now: transitions.propose(now, "43"),
            "42 is already the candidate; withdraw or promote it first",
        ),
        (
            live(),
            lambda now: transitions.propose(now, "41"),
            "41 is already stable or known good; propose a version that has not been stable yet",
        ),
        (
            live(),
            lambda now: transitions.propose(now, "40"),
            "40 is already stable or known good; propose a version that has not been stable yet",
        ),
        (
            live(),
            lambda now: transitions.advance(now, STAGES),
            "there is no candidate to advance; propose one first; if it is merged already, run `git pull`",
        ),
        (
            at(None),
            lambda now: transitions.advance(now, STAGES, to="canary-5"),
            "canary-5 is not the next stage; the next one is shadow",
        ),
        (
            at(None),
            lambda now: transitions.advance(now, STAGES, to="canary"),
            "there is no stage `canary`; the stages are shadow, canary-5, ab-50, full",
        ),
        (
            at("ab-50"),
            lambda now: transitions.advance(now, STAGES, to="shadow", fixes="fraud-41"),
            "shadow is not the next stage; the next one is full",
        ),
        (
            at("shadow"),
            lambda now: transitions.advance(now, STAGES, to="ab-50"),
            "ab-50 is not the next stage; the next one is canary-5",
        ),
        (
            at("ab-50"),
            lambda now: transitions.advance(now, STAGES, to="ab-50", fixes="fraud-41"),
            "ab-50 is not the next stage; the next one is full",
        ),
        (at("full"), lambda now: transitions.advance(now, STAGES), "full is the last stage; promote the candidate"),
        (
            at("shadow"),
            lambda now: transitions.retreat(now, STAGES, "shadow"),
            "shadow is not a stage before shadow",
        ),
        (
            at("shadow"),
            lambda now: transitions.retreat(now, STAGES, "full"),
            "full is not a stage before shadow",
        ),
        (
            at("ab-50"),
            lambda now: transitions.retreat(now, STAGES, "x"),
            "x is not a stage before ab-50; earlier stages: shadow, canary-5",
        ),
        (
            at(None),
            lambda now: transitions.retreat(now, STAGES, "shadow"),
            "no candidate is in a stage; withdraw a candidate that gets no traffic yet",
        ),
        (live(), transitions.withdraw, "there is no candidate to withdraw; `rollout-spec status` shows the candidates"),
        (
            live(),
            lambda now: transitions.promote(now, STAGES, ()),
            "there is no candidate to promote; propose one first; if it is merged already, run `git pull`",
        ),
        (
            at("ab-50"),
            lambda now: transitions.promote(now, STAGES, ()),
            "42 is in ab-50, not in the last stage, full; advance it to full first",
        ),
        (live(), lambda now: transitions.retire(now, "39", ["40"]), "39 is not in knownGood; knownGood has 40"),
        (
            live(),
            lambda now: transitions.retire(now, "40", ["40"]),
            "without 40 there is no rollback target; promote another version first",
        ),
        (
            live(),
            lambda now: transitions.retire(now, "40", []),
            "without 40 there is no rollback target; promote another version first",
        ),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(before: Live, step: Callable[[Live], Live], words: str) -> None:
    with pytest.raises(UserError) as caught:
        step(before)
    told = (each for each in (caught.value.message, caught.value.hint) if each is not None)
    assert ("; ".join(told), caught.value.status) == (words, 2)


# Which step leads from one to the other.


def step(before: Live, after: Live, *, quarantined: Any = (), eligible: Any = None, skippable: Any = ()) -> str | None:
    return transitions.step_between(
        before,
        after,
        STAGES,
        quarantined=quarantined,
        eligible=before.known_good if eligible is None else eligible,
        skippable=skippable,
    )


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (live(), live(), "none"),
        (live(), at(None), "propose"),
        (live(), at("shadow"), "propose and advance"),
        (at(None), at("shadow"), "advance"),
        (at("shadow"), at("canary-5"), "advance"),
        (at("canary-5"), at("ab-50"), "advance"),
        (at("ab-50"), at("full"), "advance"),
        (at(None), at("shadow", fixes="fraud-41"), "advance"),
        (at("full"), at("shadow"), "retreat"),
        (at("ab-50"), live(), "withdraw"),
        (at("full"), live(stable="42", knownGood=["41", "40"]), "promote"),
        (live(knownGood=["40", "39"]), live(knownGood=["40"]), "retire"),
        (live(knownGood=["40", "39"]), live(stable="40", knownGood=["39"]), "rollback"),
        (at("full"), live(stable="40", knownGood=[]), "rollback"),
    ],
)
def test_a_step_is_told_by_what_it_did(before: Live, after: Live, name: str) -> None:
    assert step(before, after) == name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(live(), at("canary-5"), id="a stage is skipped"),
        pytest.param(at("shadow"), at("full"), id="two are skipped"),
        pytest.param(at(None), live(candidate="43"), id="another candidate"),
        pytest.param(at("shadow"), at(None), id="back to no stage"),
        pytest.param(at("shadow"), live(candidate="43", stage="canary-5"), id="an arm is swapped"),
        pytest.param(live(), live(stable="42"), id="stable is swapped"),
        pytest.param(live(), live(stable="42", knownGood=["41", "40"]), id="promoted from nowhere"),
        pytest.param(at("ab-50"), live(stable="42", knownGood=["41", "40"]), id="promoted early"),
        pytest.param(at("full"), live(stable="42"), id="promoted, old stable forgotten"),
        pytest.param(at("full"), live(stable="42", knownGood=["40", "41"]), id="promoted, order"),
        pytest.param(live(), live(knownGood=["40", "39"]), id="known good out of nowhere"),
        pytest.param(live(), live(knownGood=[]), id="the last way back retired"),
        pytest.param(live(), live(stable="40", knownGood=["41"]), id="stable swapped with known good"),
        pytest.param(live(knownGood=["40", "39"]), live(stable="39", knownGood=[]), id="rolled back too far"),
        pytest.param(live(knownGood=["40", "39"]), live(stable="40", knownGood=["40", "39"]), id="still listed"),
        pytest.param(live(), at("shadow", knownGood=[]), id="two steps"),
        pytest.param(
            at("shadow", fixes="fraud-41"),
            at("canary-5"),
            id="what it fixes is forgotten",
        ),
        pytest.param(
            at("shadow"), at("full", fixes="fraud-41"), id="not open"
        ),
    ],
)  # fmt: skip
def test_what_no_one_step_does_has_no_name(before: Live, after: Live) -> None:
    assert step(before, after) is None


def test_a_fix_of_an_open_incident_skips_stages() -> None:
    fixed = at("full", fixes="fraud-41")
    assert step(at(None), fixed, skippable={"fraud-41"}) == "advance"
    assert step(live(), fixed, skippable={"fraud-41"}) == "propose and advance"
    assert step(live(), fixed, skippable={"fraud-40"}) is None


def test_a_quarantined_stable_is_not_known_good_after_a_promotion() -> None:
    before = at("full")
    assert step(before, live(stable="42"), quarantined={"41"}) == "promote"
    assert step(before, live(stable="42", knownGood=["41", "40"]), quarantined={"41"}) is None


def test_a_rollback_passes_over_what_is_not_eligible() -> None:
    before = live(knownGood=["40", "39", "38"])
    assert step(before, live(stable="39", knownGood=["38"]), eligible=["39", "38"]) == "rollback"
    assert step(before, live(stable="40", knownGood=["39", "38"]), eligible=["39", "38"]) is None
    assert step(before, live(stable="40", knownGood=["39", "38"]), eligible=[]) is None


@some
@given(st.lists(st.integers(0, 6), max_size=40), st.randoms(use_true_random=True))
def test_steps_keep_the_versions_apart_and_never_lead_back_to_one_that_failed(choices: list[int], random: Any) -> None:
    """Walk at random through a rollout's life: fresh candidates come in, and some of what is live fails."""
    now, failed, fresh = Live(stable="0"), set[str](), 1
    for choice in choices:
        before, eligible = now, [version for version in now.known_good if version not in failed]
        try:
            if choice == 0:
                now, fresh = transitions.propose(now, str(fresh)), fresh + 1
            elif choice == 1:
                now = transitions.advance(now, STAGES)
            elif choice == 2:
                now = transitions.retreat(now, STAGES, random.choice(STAGES))
            elif choice == 3:
                now = transitions.promote(now, STAGES, failed)
            elif choice == 4:
                now = transitions.retire(now, random.choice(now.known_good or ["x"]), eligible)
            elif choice == 5 and now.stage:
                failed.add(now.candidate or "")
                now = transitions.withdraw(now)
            elif choice == 6 and eligible:
                failed.add(now.stable)
                now = transitions.roll_back_stable(now, eligible[0])
        except UserError:
            continue
        assert now.stable not in failed
        assert now.candidate not in failed
        assert not failed & set(now.known_good)
        everyone = [now.stable, now.candidate, *now.known_good]
        assert len(everyone) == len(set(everyone))
        assert transitions.step_between(
            before, now, STAGES, quarantined=failed - {before.stable}, eligible=eligible, skippable=()
        )
