"""Guards judge a rollback by what was rolled back before, by the clock, and by what a workspace allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from repo import EXAMPLE, NINE

from rollout_spec.breach import Breach
from rollout_spec.repository import Repository
from rollout_spec.rollback import Facts, Nothing, NoWayBack, Precedent, Reason, Rollback, Undone, guard, roll_back
from rollout_spec.rollback.pause import Pause, read_pause
from rollout_spec.spec.workspace import Automation
from rollout_spec.tree import WorkingTree

NOW = NINE + timedelta(hours=1)
BREACH = Breach("test-1", "alertmanager", "fraud", "42", NOW - timedelta(minutes=2), "latency-sla")
BRANCH = "rollback/acme-models/fraud/42"


def ago(**units: int) -> datetime:
    return NOW - timedelta(**units)


def earlier(rollout: str = "fraud", failed: str = "39", when: datetime = NOW, **fields: Any) -> Precedent:
    """Return a rollback that landed when it was observed."""
    return Precedent(
        f"{rollout}-{failed}",
        rollout,
        failed,
        **{"restored": "38", "stage": "canary-5", "landed": when} | fields,
        observed=when,
    )


def many(count: int, when: datetime, **fields: Any) -> tuple[Precedent, ...]:
    return tuple(earlier(f"r{number}", when=when, **fields) for number in range(count))


def other(name: str, when: datetime) -> Breach:
    return replace(BREACH, rollout=name, observed_at=when)


@pytest.fixture(scope="module")
def decision() -> Rollback:
    found = roll_back(Repository(WorkingTree(EXAMPLE)), BREACH, Undone(since=ago(minutes=30)))
    assert isinstance(found, Rollback)
    assert found.for_a_person == ()
    return found


FACTS = Facts(since=ago(minutes=30))
MOVED = replace(FACTS, moved=True)
CASES: dict[str, tuple[Facts, dict[str, Any], dict[str, Any], str, list[str]]] = {
    "nothing objects": (FACTS, {}, {}, "act", []),
    "dry run": (FACTS, {"mode": "dry-run"}, {}, "notify", ["mode"]),
    "paused": (replace(FACTS, pauses=(Pause("p", "why", NOW + timedelta(seconds=1)),)), {}, {}, "notify", ["pause"]),
    "paused until now": (replace(FACTS, pauses=(Pause("p", "why", NOW),)), {}, {}, "act", []),
    "paused by what cannot be read": (replace(FACTS, pauses=(Pause("p", "?", None),)), {}, {}, "notify", ["pause"]),
    "a notice before a draft": (FACTS, {"mode": "dry-run", "maxRollbacksPerDay": 0}, {}, "notify", ["mode"]),
    "two rollouts at once": (replace(FACTS, beside=(BREACH, other("a", NOW))), {}, {}, "act", []),
    "three rollouts at once": (
        replace(FACTS, beside=(BREACH, other("a", NOW), other("b", ago(minutes=12)))),
        {},
        {},
        "notify",
        ["shared-cause"],
    ),
    "three, one of them long ago": (
        replace(FACTS, beside=(other("a", NOW), other("b", ago(minutes=13)))),
        {},
        {},
        "act",
        [],
    ),
    "three, two of them open or merged": (
        replace(FACTS, precedents=(earlier("a", landed=None), earlier("b", when=ago(minutes=5)))),
        {},
        {},
        "notify",
        ["shared-cause"],
    ),
    "one rollout three times": (replace(FACTS, beside=(BREACH, BREACH, other("fraud", NOW))), {}, {}, "act", []),
    "two where two are too many": (
        replace(FACTS, beside=(other("a", NOW),)),
        {"sharedCause": {"rollouts": 2}},
        {},
        "notify",
        ["shared-cause"],
    ),
    "a day old": (FACTS, {}, {"observed_at": ago(days=1)}, "act", []),
    "more than a day old": (FACTS, {}, {"observed_at": ago(days=1, seconds=1)}, "draft", ["age"]),
    "from the future": (FACTS, {}, {"observed_at": NOW + timedelta(minutes=6)}, "draft", ["age"]),
    "from a clock that is fast": (FACTS, {}, {"observed_at": NOW + timedelta(minutes=5)}, "act", []),
    "over": (FACTS, {}, {"ended_at": ago(minutes=1)}, "draft", ["recovered"]),
    "to be over": (FACTS, {}, {"ended_at": NOW + timedelta(minutes=1)}, "act", []),
    "seen before it took requests at all": (FACTS, {}, {"observed_at": ago(minutes=31)}, "act", []),
    "seen before the split began": (MOVED, {}, {"observed_at": ago(minutes=31)}, "draft", ["settled"]),
    "seen as the split began": (MOVED, {}, {"observed_at": ago(minutes=30)}, "act", []),
    "a split that began nobody knows when": (Facts(), {}, {}, "act", []),
    "the same, to merge itself": (Facts(), {"mode": "auto-merge"}, {}, "draft", ["settled"]),
    "rolled back within the hour": (
        replace(FACTS, precedents=(earlier(when=ago(minutes=59)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "rolled back an hour ago": (replace(FACTS, precedents=(earlier(when=ago(hours=1)),)), {}, {}, "act", []),
    "merged late": (
        replace(FACTS, precedents=(earlier(when=ago(hours=5), landed=ago(minutes=5)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "another rollback of it is open": (
        replace(FACTS, precedents=(earlier(when=ago(minutes=5), landed=None),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "its own rollback is open": (
        replace(FACTS, precedents=(earlier(failed="42", when=ago(minutes=5), landed=None),)),
        {},
        {},
        "act",
        [],
    ),
    "it was rolled back and cleared": (
        replace(FACTS, precedents=(earlier(failed="42", when=ago(minutes=5)),)),
        {},
        {},
        "draft",
        ["cooldown"],
    ),
    "no way back is no rollback": (
        replace(FACTS, precedents=(earlier(when=ago(minutes=5), restored=None),)),
        {},
        {},
        "act",
        [],
    ),
    "another rollout's": (replace(FACTS, precedents=(earlier("churn", when=ago(minutes=5)),)), {}, {}, "act", []),
    "ten within a day": (replace(FACTS, precedents=many(10, ago(hours=23))), {}, {}, "draft", ["rollbacks-per-day"]),
    "nine within a day": (replace(FACTS, precedents=many(9, ago(hours=23))), {}, {}, "act", []),
    "ten, a day ago": (replace(FACTS, precedents=many(10, ago(hours=24))), {}, {}, "act", []),
    "none without a person": (FACTS, {"maxRollbacksPerDay": 0}, {}, "draft", ["rollbacks-per-day"]),
    "four that merged themselves": (
        replace(FACTS, precedents=many(4, ago(hours=2), hard=True)),
        {"mode": "auto-merge"},
        {},
        "draft",
        ["auto-merges-per-day"],
    ),
    "four where nothing merges itself": (
        replace(FACTS, precedents=many(4, ago(hours=2), hard=True)),
        {},
        {},
        "act",
        [],
    ),
    "four that persons merged": (
        replace(FACTS, precedents=many(4, ago(hours=2))),
        {"mode": "auto-merge"},
        {},
        "act",
        [],
    ),
    "restored by a rollback": (
        replace(FACTS, precedents=(earlier(when=ago(days=3), restored="42", stage="promoted"),)),
        {},
        {},
        "draft",
        ["rollback-of-rollback"],
    ),
    "stable while a candidate was taken back": (
        replace(FACTS, precedents=(earlier(when=ago(days=3), restored="42"),)),
        {},
        {},
        "act",
        [],
    ),
    "a rollback to it is open": (
        replace(FACTS, precedents=(earlier(when=ago(days=3), restored="42", stage="promoted", landed=None),)),
        {},
        {},
        "act",
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_guard_says_how_far_a_breach_goes(decision: Rollback, name: str) -> None:
    facts, settings, changes, action, guards = CASES[name]
    automation = Automation.model_validate(settings)
    breach = replace(BREACH, **changes)
    verdict = guard(decision, breach, facts, automation, NOW)
    assert (verdict.action, [reason.guard for reason in verdict.reasons]) == (action, guards)
    assert verdict.arm == (action == "act" and automation.mode == "auto-merge")
    assert guard(decision, breach, replace(facts, precedents=facts.precedents[::-1]), automation, NOW) == verdict


REFUSED = (
    ("another of the rollout", {}, earlier(failed="41", when=ago(minutes=5), landed=None), "act"),
    ("another of the day", {"maxRollbacksPerDay": 1}, earlier("churn", when=ago(hours=23), landed=None), "act"),
    (
        "another that may have merged itself",
        {"mode": "auto-merge", "maxAutoMergesPerDay": 1},
        earlier("churn", when=ago(hours=2), landed=None, hard=True),
        "act",
    ),
    ("one that landed", {}, earlier(when=ago(minutes=5)), "draft"),
    (
        "one of many failures at once: each failed, whatever a person said of its rollback",
        {"sharedCause": {"rollouts": 2}},
        earlier("churn", when=ago(minutes=5), landed=None),
        "notify",
    ),
)


@pytest.mark.parametrize(
    ("settings", "precedent", "action"), [each[1:] for each in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_a_person_refused_is_no_rollback_that_was(
    decision: Rollback, settings: dict[str, Any], precedent: Precedent, action: str
) -> None:
    facts, automation = replace(FACTS, precedents=(precedent,)), Automation.model_validate(settings)
    assert guard(decision, BREACH, facts, automation, NOW).action != "act"
    assert guard(decision, BREACH, facts, automation, NOW, lambda each: True).action == action
    assert guard(decision, BREACH, facts, automation, NOW, lambda each: False).action != "act"


def test_whether_a_person_refused_is_asked_only_where_it_decides(decision: Rollback) -> None:
    asked: list[str] = []

    def was_refused(precedent: Precedent) -> bool:
        asked.append(precedent.incident)
        return precedent.rollout == "churn"

    old, landed = earlier("old", when=ago(days=2), landed=None), earlier("landed", when=ago(hours=2))
    open_ones = tuple(earlier(name, when=ago(hours=2), landed=None) for name in ("churn", "spam"))
    facts = replace(FACTS, precedents=(old, landed, *open_ones))
    few, many_ = (Automation.model_validate({"maxRollbacksPerDay": number}) for number in (3, 9))
    assert guard(decision, BREACH, facts, many_, NOW, was_refused).action == "act"
    assert guard(Nothing("it is over"), BREACH, facts, few, NOW, was_refused).action == "ignore"
    assert asked == []
    assert guard(decision, BREACH, facts, few, NOW, was_refused).action == "act"
    assert asked == ["churn-39", "spam-39"]


def test_what_the_decision_says_comes_first(decision: Rollback) -> None:
    soft = replace(decision, for_a_person=(Reason("trigger", "the trigger drift is soft"),))
    verdict = guard(
        soft, BREACH, FACTS, Automation.model_validate({"mode": "auto-merge", "maxRollbacksPerDay": 0}), NOW
    )
    assert verdict.text == (
        "draft: the trigger drift is soft [trigger]; "
        "there were 0 rollbacks within a day, and 0 go without a person [rollbacks-per-day]"
    )
    assert not verdict.arm


def test_a_rollout_that_wants_reviews_is_never_armed(decision: Rollback) -> None:
    verdict = guard(replace(decision, merge="review"), BREACH, Facts(), Automation(mode="auto-merge"), NOW)
    assert (verdict.action, verdict.arm, verdict.text) == ("act", False, "act: every guard holds")


def test_what_changes_nothing_is_ignored_whatever_the_guards_say() -> None:
    verdict = guard(Nothing("it is over"), BREACH, Facts(), Automation(mode="dry-run"), NOW)
    assert verdict.text == "ignore: it is over [traffic]"


@pytest.mark.parametrize(("mode", "guards"), [("dry-run", ["mode"]), ("auto-merge", ["way-back"])])
def test_no_way_back_is_a_notice(mode: Any, guards: list[str]) -> None:
    stuck = NoWayBack("acme", "fraud", "42", BREACH, (), "fraud-42", "b", {})
    verdict = guard(stuck, BREACH, Facts(), Automation(mode=mode), NOW)
    assert (verdict.action, [each.guard for each in verdict.reasons]) == ("notify", guards)


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
    told = reason or "it cannot be read; it has to say `reason` and `expires`"
    assert (found.reason, found.ends and found.ends.isoformat()) == (told, ends)
