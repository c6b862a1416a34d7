"""What a forge says of a token, a branch and its clock is judged by what a rollback needs of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollout_spec.integrations.forges import Protection, TokenCapabilities
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.doctor import DoctorResult, clock, protection, token

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = Protection(checks=("rollouts",), up_to_date=True, queue=False, approvals=0, signatures=False)
HIDDEN = "whether it is so (403 no): the role Admin shows it"


def verdicts(checks: Iterable[DoctorResult]) -> dict[str, str]:
    return {each.name: each.verdict for each in checks}


def judged(
    base: Protection | None, kind: str = "github", mode: str = "pull-request", *, signs: bool = False, arms: bool = True
) -> list[DoctorResult]:
    standing = TokenCapabilities(base=base, auto_merge=arms, unseen=(HIDDEN,))
    settings = Automation.model_validate({"mode": mode})
    return list(protection.protection(standing, kind, "main", settings, is_signing=signs))


FINE = {"required-checks": "ok", "up-to-date": "ok", "approvals": "ok", "signatures": "ok"}


@pytest.mark.parametrize(
    ("changes", "different"),
    [
        ({}, {}),
        ({"checks": None}, {"required-checks": "unknown"}),
        ({"up_to_date": False}, {"up-to-date": "failed"}),
        ({"up_to_date": False, "queue": True}, {}),
        ({"up_to_date": None, "queue": True}, {}),
        ({"up_to_date": None}, {"up-to-date": "unknown"}),
        ({"up_to_date": False, "queue": None}, {"up-to-date": "unknown"}),
        ({"queue": None}, {}),
        ({"approvals": None}, {"approvals": "unknown"}),
        ({"approvals": 2}, {}),
        ({"signatures": True}, {"signatures": "failed"}),
        ({"signatures": None}, {"signatures": "unknown"}),
    ],
)
def test_what_the_base_demands(changes: dict[str, object], different: dict[str, str]) -> None:
    found = judged(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert verdicts(found) == FINE | different
    for each in found:
        assert (each.hint == HIDDEN) == (each.verdict == "unknown")
        assert each.hint or each.verdict == "ok"


@pytest.mark.parametrize(
    ("kind", "way"), [("github", "merge queue"), ("gitlab", "merge trains"), ("gitea", "outdated")]
)
def test_a_stale_promotion_is_the_trap_and_each_forge_has_its_own_way_out(kind: str, way: str) -> None:
    stale = "a promotion whose checks passed before a rollback can be merged after it"
    (found,) = (each for each in judged(replace(GOOD, up_to_date=False), kind) if each.name == "up-to-date")
    assert found.message == stale
    for each in (found, *judged(None, kind), judged(replace(GOOD, checks=(), up_to_date=False), kind)[0]):
        assert each.verdict == "failed"
        assert way in (each.hint or "")


def test_a_branch_without_checks_is_one_thing_that_is_wrong() -> None:
    found = judged(replace(GOOD, checks=(), up_to_date=False))
    assert verdicts(found) == {"required-checks": "failed", "approvals": "ok", "signatures": "ok"}
    assert "outdated" not in str(judged(replace(GOOD, checks=()), "gitea")[0].hint)


def test_a_branch_that_nothing_protects_is_one_thing_that_is_wrong() -> None:
    assert verdicts(judged(None)) == {"protection": "failed"}
    (found, _) = judged(None, mode="auto-merge")
    assert found.message.endswith("and auto-merge merges a rollback before its checks")
    assert verdicts(judged(None, "local")) == {"protection": "warning"}


def test_what_merges_itself_needs_more() -> None:
    assert verdicts(judged(GOOD, mode="auto-merge")) == FINE | {"auto-merge": "ok"}
    assert verdicts(judged(GOOD, mode="auto-merge", arms=False))["auto-merge"] == "failed"
    assert "auto-merge" not in verdicts(judged(GOOD, arms=False))
    for count, who in ((1, "a person"), (2, "2 people")):
        (found,) = (
            each for each in judged(replace(GOOD, approvals=count), mode="auto-merge") if each.name == "approvals"
        )
        assert (found.verdict, f"waits until {who} approved it" in found.message) == ("warning", True)
    nothing = TokenCapabilities(base=GOOD)
    found = list(
        protection.protection(
            nothing, "gitea", "main", Automation.model_validate({"mode": "auto-merge"}), is_signing=False
        )
    )[-1]
    assert (found.name, found.verdict) == ("auto-merge", "unknown")


def test_who_signs_need_not_know_whether_it_is_asked() -> None:
    for signatures in (True, False, None):
        assert verdicts(judged(replace(GOOD, signatures=signatures), signs=True))["signatures"] == "ok"


# The token


@pytest.mark.parametrize(
    ("left", "verdict", "words"),
    [
        (None, "ok", "bot, from $GITHUB_TOKEN"),
        (timedelta(days=15), "ok", "it expires at 2026-12-05T12:00:00Z"),
        (timedelta(days=14), "ok", "it expires at 2026-12-04T12:00:00Z"),
        (timedelta(days=13, hours=23), "warning", "in 13 days"),
        (timedelta(days=1, hours=1), "warning", "in a day"),
        (timedelta(hours=3), "warning", "in less than a day"),
        (timedelta(0), "failed", "it expired at 2026-11-20T12:00:00Z"),
        (-timedelta(days=1), "failed", "it expired at"),
    ],
)
def test_when_a_token_ends(left: timedelta | None, verdict: str, words: str) -> None:
    found = token.token(
        TokenCapabilities(who="bot", expires=None if left is None else NOON + left), "$GITHUB_TOKEN", NOON
    )
    assert (found.verdict, words in found.message) == (verdict, True), found.message


def test_a_token_whose_owner_is_not_shown_is_still_from_somewhere() -> None:
    assert (
        token.token(TokenCapabilities(), "$GITEA_TOKEN", NOON).message
        == "from $GITEA_TOKEN; its account is not visible"
    )


@pytest.mark.parametrize(
    ("lacks", "unsure", "expected"),
    [
        ((), (), ["ok"]),
        (("Contents: write (no)", "Pull requests: write (no)"), (), ["failed", "failed"]),
        ((), ("the token's scopes and its end (400 no): x",), ["unknown"]),
        ((), ("what the App may (403 no): x",), ["unknown"]),
        (("the role Write",), ("the repository (403 no): x",), ["failed"]),
    ],
)
def test_what_a_token_lacks(lacks: tuple[str, ...], unsure: tuple[str, ...], expected: list[str]) -> None:
    unseen = ("whether the classic protection of `main` wants a branch up to date (404 no): x",)  # no permission
    found = list(token.permissions(TokenCapabilities(lacks=lacks, unsure=unsure, unseen=unseen)))
    assert [each.verdict for each in found] == expected
    assert [each.message for each in found if each.verdict == "failed"] == [f"missing: {each}" for each in lacks]


def test_where_the_token_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert token.source("github") is None
    assert "$ROLLOUT_SPEC_TOKEN, $GITHUB_TOKEN or $GITHUB_APP_ID" in (token.missing("github").hint or "")
    monkeypatch.setenv("GITHUB_TOKEN", "a")
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", " ")
    assert (token.source("github"), token.source("gitlab")) == ("$GITHUB_TOKEN", None)
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", "b")
    assert (token.source("github"), token.source("gitlab")) == ("$ROLLOUT_SPEC_TOKEN",) * 2
    monkeypatch.setenv("GITHUB_APP_ID", "1")
    assert (token.source("github"), token.source("gitlab")) == ("the App of $GITHUB_APP_ID", "$ROLLOUT_SPEC_TOKEN")


# The clock


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0, "ok", "within 30s of github's"),
        (-30, "ok", "within 30s"),
        (31, "warning", "this clock is 31s ahead of github's"),
        (-90.7, "warning", "this clock is 1m30s behind github's"),
        (300, "warning", "5m ahead"),
        (-301, "failed", "5m1s behind github's: it decides the age of breaches"),
        (86400, "failed", "1d ahead"),
    ],
)
def test_how_far_two_clocks_may_differ(seconds: float, verdict: str, words: str) -> None:
    found = clock.compared(NOON, NOON + timedelta(seconds=seconds), "github")
    assert (found.verdict, words in found.message) == (verdict, True), found.message


def test_a_forge_that_says_no_time() -> None:
    assert clock.compared(None, NOON, "github").verdict == "unknown"
