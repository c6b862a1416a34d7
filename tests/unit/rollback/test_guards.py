"""Guards judge a rollback by what was rolled back before, by the clock, and by what a workspace allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from repo import EXAMPLE, NINE, STAGES

from rollout_spec.core.breach import Breach
from rollout_spec.domain import transitions
from rollout_spec.render.drift import find_drift
from rollout_spec.rollback import (
    Facts,
    GuardVerdict,
    NoAction,
    NoRollbackTarget,
    Order,
    PastRollback,
    Reason,
    Rollback,
    UndoneCommits,
    deciding_rollbacks,
    evaluate_guards,
    roll_back,
)
from rollout_spec.rollback.guards import combine_verdicts
from rollout_spec.rollback.pause import Pause, read_pause
from rollout_spec.spec.workspace import Automation
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

NOW = NINE + timedelta(hours=1)
BREACH = Breach("test-1", "alertmanager", "fraud", "42", NOW - timedelta(minutes=2), "latency-sla")
OF_STABLE = {"cooldown", "rollbacks-per-day", "auto-merges-per-day"}
"""The guards that hold a rollback of stable, and never the withdrawal of a candidate."""


def ago(**units: int) -> datetime:
    return NOW - timedelta(**units)


def earlier(rollout: str = "fraud", failed: str = "39", when: datetime = NOW, **fields: Any) -> PastRollback:
    """Return a rollback that landed when it was observed."""
    chosen: dict[str, Any] = {"restored": "38", "stage": "canary-5", "merged_at": when, **fields}
    return PastRollback(f"{rollout}-{failed}", rollout, failed, **chosen, observed_at=when)


def many(count: int, when: datetime, **fields: Any) -> tuple[PastRollback, ...]:
    return tuple(earlier(f"r{number}", when=when, **fields) for number in range(count))


def other(name: str, when: datetime) -> Breach:
    return replace(BREACH, rollout=name, observed_at=when)


@pytest.fixture(scope="module")
def decision() -> Rollback:
    found = roll_back(Repository(WorkingTree(EXAMPLE)), BREACH, UndoneCommits(since=ago(minutes=30)))
    assert isinstance(found, Rollback)
    assert found.review_reasons == ()
    return found


@pytest.fixture(scope="module")
def of_stable() -> Rollback:
    """The same breach after the promotion of 42."""
    tree, path = WorkingTree(EXAMPLE), "rollouts/fraud.yaml"
    repository = Repository(tree)
    file = repository.rollout("fraud")
    assert file is not None and file.model is not None
    live = transitions.promote(file.model.spec.live.model_copy(update={"stage": "full"}), STAGES, ())
    promoted = Overlay(tree, {path: with_live(tree.read(path) or b"", live)})
    rendered = Overlay(promoted, promoted_manifests(Repository(promoted)))
    found = roll_back(Repository(rendered), BREACH, UndoneCommits(since=ago(minutes=30)))
    assert isinstance(found, Rollback)
    assert (found.review_reasons, found.stage, found.failed) == ((), "promoted", "42")
    return found


def promoted_manifests(repository: Repository) -> dict[str, bytes]:
    """Return the manifests as they are rendered."""
    file = repository.rollout("fraud")
    assert file is not None
    return {each.path: each.wanted for each in find_drift(file, repository) if each.wanted is not None}


FACTS = Facts(split_since=ago(minutes=30))
FRESH = Facts(split_since=ago(minutes=5))
MOVED = replace(FRESH, served_before=True)
CASES: dict[str, tuple[Facts, dict[str, Any], dict[str, Any], str, list[str]]] = {
    "nothing objects": (FACTS, {}, {}, "act", []),
    "dry run": (FACTS, {"mode": "dry-run"}, {}, "notify", ["mode"]),
    "paused": (replace(FACTS, pauses=(Pause("p", "why", NOW + timedelta(seconds=1)),)), {}, {}, "notify", ["pause"]),
    "paused until now": (replace(FACTS, pauses=(Pause("p", "why", NOW),)), {}, {}, "act", []),
    "paused by what cannot be read": (replace(FACTS, pauses=(Pause("p", "?", None),)), {}, {}, "notify", ["pause"]),
    "a notice before a draft": (FACTS, {"mode": "dry-run", "maxRollbacksPerDay": 0}, {}, "notify", ["mode"]),
    "two rollouts at once": (replace(FACTS, concurrent_breaches=(BREACH, other("a", NOW))), {}, {}, "act", []),
    "three rollouts at once": (
        replace(FACTS, concurrent_breaches=(BREACH, other("a", NOW), other("b", ago(minutes=12)))),
        {},
        {},
        "draft",
        ["shared-cause"],
    ),
    "three, one of them long ago": (
        replace(FACTS, concurrent_breaches=(other("a", NOW), other("b", ago(minutes=13)))),
        {},
        {},
        "act",
        [],
    ),
    "three, two of them open or merged": (
        replace(
            FACTS,
            past_rollbacks=(
                earlier("a", merged_at=None, has_hard_trigger=True),
                earlier("b", when=ago(minutes=5), has_hard_trigger=True),
            ),
        ),
        {},
        {},
        "draft",
        ["shared-cause"],
    ),
    "one rollout three times": (
        replace(FACTS, concurrent_breaches=(BREACH, BREACH, other("fraud", NOW))),
        {},
        {},
        "act",
        [],
    ),
    "two where two are too many": (
        replace(FACTS, concurrent_breaches=(other("a", NOW),)),
        {"sharedCause": {"rollouts": 2}},
        {},
        "draft",
        ["shared-cause"],
    ),
    "three, two of them rolled back by soft triggers": (
        replace(FACTS, past_rollbacks=(earlier("a", merged_at=None), earlier("b", when=ago(minutes=5)))),
        {},
        {},
        "act",
        [],
    ),
    "a day old": (FACTS, {}, {"observed_at": ago(days=1)}, "act", []),
    "more than a day old": (FACTS, {}, {"observed_at": ago(days=1, seconds=1)}, "draft", ["age"]),
    "from the future": (FACTS, {}, {"observed_at": NOW + timedelta(minutes=6)}, "draft", ["age"]),
    "from a clock that is fast": (FACTS, {}, {"observed_at": NOW + timedelta(minutes=5)}, "act", []),
    "over": (FACTS, {}, {"ended_at": ago(minutes=1)}, "draft", ["recovered"]),
    "over now": (FACTS, {}, {"ended_at": NOW}, "draft", ["recovered"]),
    "to be over": (FACTS, {}, {"ended_at": NOW + timedelta(minutes=1)}, "act", []),
    "seen before it took requests at all": (FRESH, {}, {"observed_at": ago(minutes=6)}, "act", []),
    "seen before the split began": (MOVED, {}, {"observed_at": ago(minutes=6)}, "draft", ["settled"]),
    "seen as the split began": (MOVED, {}, {"observed_at": ago(minutes=5)}, "act", []),
    "seen before the split began, as long ago as the trigger looks back": (
        replace(MOVED, split_since=ago(minutes=9)),
        {},
        {"observed_at": ago(minutes=10)},
        "act",
        [],
    ),
    "the same, a second less": (
        replace(MOVED, split_since=ago(minutes=8, seconds=59)),
        {},
        {"observed_at": ago(minutes=10)},
        "draft",
        ["settled"],
    ),
    "its rollback was taken back after it was seen": (
        replace(FACTS, reverted_at=ago(minutes=2)),
        {},
        {},
        "draft",
        ["retaken"],
    ),
    "its rollback was taken back before it was seen": (
        replace(FACTS, reverted_at=ago(minutes=2, seconds=1)),
        {},
        {},
        "act",
        [],
    ),
    "a split that began nobody knows when": (Facts(), {}, {}, "act", []),
    "the same, to merge itself": (Facts(), {"mode": "auto-merge"}, {}, "draft", ["settled"]),
    "rolled back within the hour": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(minutes=59)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "rolled back an hour ago": (replace(FACTS, past_rollbacks=(earlier(when=ago(hours=1)),)), {}, {}, "act", []),
    "merged late": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(hours=5), merged_at=ago(minutes=5)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "merged at a time to come": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(minutes=5), merged_at=NOW + timedelta(days=1)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "merged and observed at a time to come": (
        replace(FACTS, past_rollbacks=(earlier(when=NOW + timedelta(minutes=5, seconds=1)),)),
        {},
        {},
        "act",
        [],
    ),
    "observed by a clock that is fast": (
        replace(FACTS, past_rollbacks=(earlier(when=NOW + timedelta(minutes=5), merged_at=None),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "another rollback of it is open": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(minutes=5), merged_at=None),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "its own rollback is open": (
        replace(FACTS, past_rollbacks=(earlier(failed="42", when=ago(minutes=5), merged_at=None),)),
        {},
        {},
        "act",
        [],
    ),
    "it was rolled back and cleared": (
        replace(FACTS, past_rollbacks=(earlier(failed="42", when=ago(minutes=5)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "no way back is no rollback": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(minutes=5), restored=None),)),
        {},
        {},
        "act",
        [],
    ),
    "another rollout's": (replace(FACTS, past_rollbacks=(earlier("churn", when=ago(minutes=5)),)), {}, {}, "act", []),
    "ten within a day": (
        replace(FACTS, past_rollbacks=many(10, ago(hours=23))),
        {},
        {},
        "draft",
        ["rollbacks-per-day"],
    ),
    "nine within a day": (replace(FACTS, past_rollbacks=many(9, ago(hours=23))), {}, {}, "act", []),
    "ten, a day ago": (replace(FACTS, past_rollbacks=many(10, ago(hours=24))), {}, {}, "act", []),
    "none without a person": (FACTS, {"maxRollbacksPerDay": 0}, {}, "draft", ["rollbacks-per-day"]),
    "four that merged themselves": (
        replace(FACTS, past_rollbacks=many(4, ago(hours=2), may_auto_merge=True)),
        {"mode": "auto-merge"},
        {},
        "draft",
        ["auto-merges-per-day"],
    ),
    "four where nothing merges itself": (
        replace(FACTS, past_rollbacks=many(4, ago(hours=2), may_auto_merge=True)),
        {},
        {},
        "act",
        [],
    ),
    "four that persons merged": (
        replace(FACTS, past_rollbacks=many(4, ago(hours=2))),
        {"mode": "auto-merge"},
        {},
        "act",
        [],
    ),
    "restored by a rollback": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(days=3), restored="42", stage="promoted"),)),
        {},
        {},
        "draft",
        ["rollback-of-rollback"],
    ),
    "restored by a rollback a window ago": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(days=7), restored="42", stage="promoted"),)),
        {},
        {},
        "act",
        [],
    ),
    "restored by a rollback a second less ago": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(days=6, seconds=86399), restored="42", stage="promoted"),)),
        {},
        {},
        "draft",
        ["rollback-of-rollback"],
    ),
    "stable while a candidate was taken back": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(days=3), restored="42"),)),
        {},
        {},
        "act",
        [],
    ),
    "a rollback to it is open": (
        replace(FACTS, past_rollbacks=(earlier(when=ago(days=3), restored="42", stage="promoted", merged_at=None),)),
        {},
        {},
        "act",
        [],
    ),
}


@pytest.mark.parametrize("moment", ["canary-5", "promoted"])
@pytest.mark.parametrize("name", CASES)
def test_a_guard_says_how_far_a_breach_goes(request: pytest.FixtureRequest, name: str, moment: str) -> None:
    facts, settings, changes, action, guards = CASES[name]
    decision = request.getfixturevalue("of_stable" if moment == "promoted" else "decision")
    assert decision.stage == moment
    if moment != "promoted" and set(guards) <= OF_STABLE and action == "draft":
        action, guards = "act", []
    automation = Automation.model_validate(settings)
    breach = replace(BREACH, **changes)
    verdict = evaluate_guards(decision, breach, facts, automation, NOW)
    assert (verdict.action, [reason.guard for reason in verdict.reasons]) == (action, guards)
    assert verdict.auto_merge == (action == "act" and automation.mode == "auto-merge")
    assert (
        evaluate_guards(decision, breach, replace(facts, past_rollbacks=facts.past_rollbacks[::-1]), automation, NOW)
        == verdict
    )


WORDS = {
    "dry run": "the workspace's `automation.mode` is dry-run",
    "paused": "p pauses the automation until 2026-11-20T10:00:01Z: why",
    "paused by what cannot be read": "p pauses the automation: ?",
    "a notice before a draft": "the workspace's `automation.mode` is dry-run",
    "three rollouts at once": "3 rollouts failed within 10m (a, b, fraud): the cause is probably not this model",
    "three, two of them open or merged": (
        "3 rollouts failed within 10m (a, b, fraud): the cause is probably not this model"
    ),
    "two where two are too many": "2 rollouts failed within 10m (a, fraud): the cause is probably not this model",
    "more than a day old": "the breach is 1d old, more than the 1d of `maxBreachAge`",
    "from the future": "the breach is dated 6m in the future",
    "over": "the breach ended at 2026-11-20T09:59:00Z",
    "over now": "the breach ended at 2026-11-20T10:00:00Z",
    "seen before the split began": (
        "42 entered its current stage at 2026-11-20T09:55:00Z, after this breach was observed"
    ),
    "the same, a second less": "42 entered its current stage at 2026-11-20T09:51:01Z, after this breach was observed",
    "its rollback was taken back after it was seen": (
        "a rollback of 42 was reverted at 2026-11-20T09:58:00Z, after this breach was observed"
    ),
    "the same, to merge itself": "cannot tell when 42 entered its current stage",
    "rolled back within the hour": "fraud was rolled back from 39 59m ago, within its cool-down of 1h",
    "merged late": "fraud was rolled back from 39 5m ago, within its cool-down of 1h",
    "merged at a time to come": "fraud was rolled back from 39 5m ago, within its cool-down of 1h",
    "observed by a clock that is fast": "fraud has an unmerged rollback from 39 0s ago, within its cool-down of 1h",
    "another rollback of it is open": "fraud has an unmerged rollback from 39 5m ago, within its cool-down of 1h",
    "it was rolled back and cleared": "fraud was rolled back from 42 5m ago, within its cool-down of 1h",
    "ten within a day": "there were 10 rollbacks within a day, and the limit is 10",
    "none without a person": "there were 0 rollbacks within a day, and the limit is 0",
    "four that merged themselves": "4 rollbacks within a day may have merged automatically, and the limit is 4",
    "restored by a rollback": "42 was itself restored by a rollback (incident fraud-39)",
    "restored by a rollback a second less ago": "42 was itself restored by a rollback (incident fraud-39)",
}
"""Why each of these cases is held after a promotion."""


@pytest.mark.parametrize("name", CASES)
def test_a_guard_says_why_in_numbers(of_stable: Rollback, name: str) -> None:
    facts, settings, changes, _, guards = CASES[name]
    verdict = evaluate_guards(of_stable, replace(BREACH, **changes), facts, Automation.model_validate(settings), NOW)
    assert verdict.summary.removesuffix(", and it merges automatically") == WORDS.get(name, "no guard objects")
    assert (name in WORDS) == bool(guards), "the words of each guard stand in a list"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (1, "1s"), (59.9, "59s"), (60, "1m"), (119, "1m"), (3600, "1h"), (90061, "1d1h1m")],
)
def test_how_long_ago_is_told_in_whole_minutes_or_seconds(of_stable: Rollback, seconds: float, shown: str) -> None:
    settings = Automation.model_validate({"cooldown": "2d"})
    facts = replace(FACTS, past_rollbacks=(earlier(when=NOW - timedelta(seconds=seconds)),))
    verdict = evaluate_guards(of_stable, BREACH, facts, settings, NOW)
    assert verdict.summary.startswith(f"fraud was rolled back from 39 {shown} ago, within its cool-down of 2d")


def test_of_several_rollbacks_the_last_one_counts_for_the_cool_down(of_stable: Rollback) -> None:
    several = [earlier(failed=f"3{minutes}", when=ago(minutes=minutes)) for minutes in (9, 5, 7)]
    verdict = evaluate_guards(of_stable, BREACH, replace(FACTS, past_rollbacks=tuple(several)), Automation(), NOW)
    assert verdict.summary == "fraud was rolled back from 35 5m ago, within its cool-down of 1h"


@pytest.mark.parametrize(
    ("window", "days", "action"),
    [(None, 6, "draft"), (None, 7, "act"), (timedelta(days=1), 2, "act"), (timedelta(days=9), 8, "draft")],
)
def test_a_rollback_is_remembered_for_the_window_of_the_rollout_or_a_week(
    of_stable: Rollback, window: timedelta | None, days: int, action: str
) -> None:
    facts = replace(FACTS, past_rollbacks=(earlier(when=ago(days=days), restored="42", stage="promoted"),))
    assert evaluate_guards(replace(of_stable, window=window), BREACH, facts, Automation(), NOW).action == action


def test_two_rollbacks_at_one_moment_are_one_cool_down(of_stable: Rollback) -> None:
    twice = tuple(earlier(failed=failed, when=ago(minutes=5)) for failed in ("38", "39"))
    verdict = evaluate_guards(of_stable, BREACH, replace(FACTS, past_rollbacks=twice), Automation(), NOW)
    assert verdict.summary == "fraud was rolled back from 38 5m ago, within its cool-down of 1h"


AGE, PAUSED, SOFT = (Reason(name, name) for name in ("age", "pause", "trigger"))
SEVERAL: list[tuple[list[GuardVerdict], GuardVerdict]] = [
    ([GuardVerdict("act", auto_merge=True)], GuardVerdict("act", auto_merge=True)),
    ([GuardVerdict("act", auto_merge=True), GuardVerdict("act")], GuardVerdict("act")),
    ([GuardVerdict("act", auto_merge=True), GuardVerdict("draft", (AGE,))], GuardVerdict("draft", (AGE,))),
    ([GuardVerdict("draft", (AGE, SOFT)), GuardVerdict("draft", (SOFT,))], GuardVerdict("draft", (AGE, SOFT))),
    ([GuardVerdict("draft", (AGE,)), GuardVerdict("notify", (PAUSED,))], GuardVerdict("notify", (AGE, PAUSED))),
    (
        [GuardVerdict("act", held=(AGE, SOFT)), GuardVerdict("act", held=(SOFT, PAUSED))],
        GuardVerdict("act", held=(AGE, SOFT, PAUSED)),
    ),
    ([GuardVerdict("ignore"), GuardVerdict("act")], GuardVerdict("act")),
]


@pytest.mark.parametrize(("verdicts", "expected"), SEVERAL)
def test_several_rollbacks_in_one_commit_go_as_far_as_the_most_careful(
    verdicts: list[GuardVerdict], expected: GuardVerdict
) -> None:
    assert combine_verdicts(verdicts) == expected
    backwards = combine_verdicts(reversed(verdicts))
    assert (backwards.action, backwards.auto_merge, set(backwards.reasons)) == (
        expected.action,
        expected.auto_merge,
        set(expected.reasons),
    )


REFUSED: tuple[tuple[str, dict[str, Any], PastRollback, str], ...] = (
    ("another of the rollout", {}, earlier(failed="41", when=ago(minutes=5), merged_at=None), "act"),
    ("another of the day", {"maxRollbacksPerDay": 1}, earlier("churn", when=ago(hours=23), merged_at=None), "act"),
    (
        "another that may have merged itself",
        {"mode": "auto-merge", "maxAutoMergesPerDay": 1},
        earlier("churn", when=ago(hours=2), merged_at=None, may_auto_merge=True),
        "act",
    ),
    ("one that landed", {}, earlier(when=ago(minutes=5)), "draft"),
    (
        "one of two failures at once: what a person closed, or somebody forged, is none",
        {"sharedCause": {"rollouts": 2}},
        earlier("churn", when=ago(minutes=5), merged_at=None, has_hard_trigger=True),
        "act",
    ),
)


@pytest.mark.parametrize(
    ("settings", "precedent", "action"), [each[1:] for each in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_a_person_refused_is_no_rollback_that_was(
    of_stable: Rollback, settings: dict[str, Any], precedent: PastRollback, action: str
) -> None:
    facts, automation = replace(FACTS, past_rollbacks=(precedent,)), Automation.model_validate(settings)
    assert evaluate_guards(of_stable, BREACH, facts, automation, NOW).action != "act"
    assert deciding_rollbacks(of_stable, BREACH, facts, automation, NOW) == ([] if precedent.merged_at else [precedent])
    assert evaluate_guards(of_stable, BREACH, facts.with_discounted([precedent]), automation, NOW).action == action
    assert evaluate_guards(of_stable, BREACH, facts.with_discounted([]), automation, NOW).action != "act"


def test_whether_a_person_refused_is_asked_only_where_it_decides(of_stable: Rollback) -> None:
    old, landed = earlier("old", when=ago(days=1), merged_at=None), earlier("landed", when=ago(hours=2))
    open_ones = tuple(earlier(name, when=ago(hours=2), merged_at=None) for name in ("churn", "spam"))
    facts = replace(FACTS, past_rollbacks=(old, landed, *open_ones))
    few, many_ = (Automation.model_validate({"maxRollbacksPerDay": number}) for number in (3, 9))
    assert deciding_rollbacks(of_stable, BREACH, facts, many_, NOW) == []
    assert evaluate_guards(of_stable, BREACH, facts, many_, NOW).action == "act"
    assert deciding_rollbacks(NoAction("it is over"), BREACH, facts, few, NOW) == []
    assert evaluate_guards(NoAction("it is over"), BREACH, facts, few, NOW).action == "ignore"
    assert deciding_rollbacks(of_stable, BREACH, facts, few, NOW) == list(open_ones)
    assert evaluate_guards(of_stable, BREACH, facts, few, NOW).action == "draft"
    assert evaluate_guards(of_stable, BREACH, facts.with_discounted(open_ones[:1]), few, NOW).action == "act"


def test_an_open_rollback_of_the_rollout_itself_may_have_been_refused_long_ago(of_stable: Rollback) -> None:
    automation = Automation.model_validate({"cooldown": "3d"})
    own, others = (
        replace(FACTS, past_rollbacks=(earlier(name, when=ago(days=2), merged_at=None),)) for name in ("fraud", "x")
    )
    assert deciding_rollbacks(of_stable, BREACH, own, automation, NOW) == list(own.past_rollbacks)
    assert evaluate_guards(of_stable, BREACH, own.with_discounted([]), automation, NOW).action == "draft"
    assert evaluate_guards(of_stable, BREACH, own.with_discounted(own.past_rollbacks), automation, NOW).action == "act"
    assert deciding_rollbacks(of_stable, BREACH, others, automation, NOW) == []
    assert evaluate_guards(of_stable, BREACH, others, automation, NOW).action == "act"


def test_what_the_decision_says_comes_first(of_stable: Rollback) -> None:
    soft = replace(of_stable, review_reasons=(Reason("trigger", "the trigger drift is soft"),))
    verdict = evaluate_guards(
        soft, BREACH, FACTS, Automation.model_validate({"mode": "auto-merge", "maxRollbacksPerDay": 0}), NOW
    )
    assert verdict.text == (
        "draft: the trigger drift is soft [trigger]; "
        "there were 0 rollbacks within a day, and the limit is 0 [rollbacks-per-day]"
    )
    assert not verdict.auto_merge


def test_a_rollout_that_wants_reviews_is_never_armed(decision: Rollback) -> None:
    verdict = evaluate_guards(replace(decision, merge="review"), BREACH, Facts(), Automation(mode="auto-merge"), NOW)
    assert (verdict.action, verdict.auto_merge, verdict.text) == ("act", False, "act: no guard objects")


def test_what_changes_nothing_is_ignored_whatever_the_guards_say() -> None:
    verdict = evaluate_guards(NoAction("it is over"), BREACH, Facts(), Automation(mode="dry-run"), NOW)
    assert verdict.text == "ignore: it is over [traffic]"


@pytest.mark.parametrize(("mode", "guards"), [("dry-run", ["mode"]), ("auto-merge", ["way-back"])])
def test_no_way_back_is_a_notice(mode: Any, guards: list[str]) -> None:
    stuck = NoRollbackTarget("acme", "fraud", "42", BREACH, (), "fraud-42", "b", {})
    verdict = evaluate_guards(stuck, BREACH, Facts(), Automation(mode=mode), NOW)
    assert (verdict.action, [each.guard for each in verdict.reasons]) == ("notify", guards)


@pytest.mark.parametrize("arm", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_person_who_orders_a_rollback_is_held_by_no_guard(of_stable: Rollback, name: str, arm: bool) -> None:
    facts, settings, changes, _, guards = CASES[name]
    automation = Automation.model_validate(settings)
    verdict = evaluate_guards(of_stable, replace(BREACH, **changes), facts, automation, NOW, order=Order(arm))
    assert (verdict.action, verdict.auto_merge, verdict.reasons) == ("act", arm, ())
    assert [each.guard for each in verdict.held][: len(guards)] == guards, "each is named, and holds nothing"
    alone = evaluate_guards(of_stable, replace(BREACH, **changes), facts, replace_mode(automation), NOW)
    assert [each for each in verdict.held if each.guard != "mode"] == list(alone.reasons)


def replace_mode(automation: Automation) -> Automation:
    """Return the settings without their dry-run."""
    return automation if automation.mode != "dry-run" else automation.model_copy(update={"mode": "pull-request"})


def test_an_order_is_a_draft_only_for_a_step_that_a_person_must_take(decision: Rollback) -> None:
    reasons = (Reason("trigger", "a person pulled it"), Reason("component", "a person must switch x"))
    both = replace(decision, review_reasons=reasons)
    facts = replace(FACTS, pauses=(Pause("p", "why", None),))
    verdict = evaluate_guards(both, BREACH, facts, Automation(), NOW, order=Order(auto_merge=True))
    assert (verdict.action, verdict.auto_merge, verdict.reasons) == ("draft", False, reasons[1:])
    assert [each.guard for each in verdict.held] == ["pause"], "that a person says so is no objection"


@pytest.mark.parametrize(("ends", "guard_name"), [(NOW + timedelta(seconds=1), "pause"), (NOW, "way-back")])
def test_a_pause_counts_until_its_end_if_there_is_no_rollback_target_too(ends: datetime, guard_name: str) -> None:
    stuck = NoRollbackTarget("acme", "fraud", "42", BREACH, (), "fraud-42", "b", {})
    verdict = evaluate_guards(stuck, BREACH, Facts(pauses=(Pause("p", "why", ends),)), Automation(), NOW)
    assert [each.guard for each in verdict.reasons] == [guard_name]


def test_an_order_with_no_rollback_target_names_the_guards_that_would_have_held() -> None:
    stuck = NoRollbackTarget("acme", "fraud", "42", BREACH, (), "fraud-42", "b", {})
    verdict = evaluate_guards(stuck, BREACH, Facts(), Automation(mode="dry-run"), NOW, order=Order())
    assert verdict.action == "notify"
    assert [[each.guard for each in part] for part in (verdict.reasons, verdict.held)] == [["way-back"], ["mode"]]


@pytest.mark.parametrize(
    ("content", "reason", "ends"),
    [
        (b"reason: a move\nexpires: 2026-11-20T10:30:00+01:00\n", "a move", "2026-11-20T09:30:00+00:00"),
        (b"{reason: a move, expires: 2026-11-20}", "a move", "2026-11-20T23:59:59.999999+00:00"),
        (b"", None, None),
        (b"reason: a move", None, None),
        (b"expires: 2026-11-20", None, None),
        (b"{reason: a move, expires: soon}", None, None),
        (b"{reason: a move, expires: 2026-11-20, who: me}", None, None),
        (b"{reason: a move, expires: 2026-11-20", None, None),
        (b"\xff\xfe", None, None),
        (b"- x", None, None),
        (b"a" * 2_000_000, None, None),
    ],
)
def test_a_pause_has_a_reason_and_an_end_and_pauses_without_too(
    content: bytes, reason: str | None, ends: str | None
) -> None:
    found = read_pause("p", content)
    told = reason or "the file cannot be read; it must have `reason` and `expires`"
    assert (found.path, found.reason, found.ends and found.ends.isoformat()) == ("p", told, ends)


def test_the_reason_of_a_pause_that_is_too_long_is_cut() -> None:
    assert read_pause("p", f"{{reason: {'b' * 300}, expires: 2026-11-20}}".encode()).reason == f"{'b' * 199}…"
