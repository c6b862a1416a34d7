"""What a token may do and what a base demands is read before the night it matters, and reading changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from fakes.forge import Guard
from fakes.github import FakeGitHub
from fakes.host import Answer, Request
from hosted_repositories import FAKES, TOKEN, Hosted, as_app, hosted, let_in
from token_capabilities import GUARD, SEEN, as_shown, protect, standing, text

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges import Protection, TokenCapabilities
from rollout_spec.integrations.forges.capabilities import together
from rollout_spec.integrations.forges.local import LocalForge

pytestmark = pytest.mark.system


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        protect(place, GUARD)
        place.host.role = "admin"
        yield place


# In order


def test_a_token_that_lacks_nothing_sees_all(place: Hosted) -> None:
    found = standing(place)
    assert (found.who, found.lacks, found.unseen, found.auto_merge) == ("release-bot", (), (), True)
    assert found.base == as_shown(place, SEEN)
    assert found.server in ("GitHub", "GitLab 18.5.1-ee", "Gitea 1.24.6")
    assert found.expires is None
    assert found.clock is not None
    assert found.asked_at is not None
    assert (found.clock.tzinfo, found.asked_at.tzinfo) == (UTC, UTC)
    assert abs(found.asked_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert abs(found.clock - found.asked_at) < timedelta(seconds=5)


def test_a_clock_that_is_ahead_is_told(place: Hosted) -> None:
    place.host.skew = 3600
    found = standing(place)
    assert found.clock is not None
    assert found.asked_at is not None
    assert timedelta(minutes=59) < found.clock - found.asked_at < timedelta(minutes=61)


def test_a_base_that_nothing_protects_is_told(place: Hosted) -> None:
    protect(place, None)
    found = standing(place)
    assert (found.base, found.lacks, found.unseen) == (None, (), ())


def test_a_base_that_need_not_be_up_to_date_is_told(place: Hosted) -> None:
    protect(place, replace(GUARD, up_to_date=False, signatures=False))
    assert standing(place).base == as_shown(place, replace(SEEN, up_to_date=False, signatures=False))


def test_what_is_protected_and_demands_nothing_is_not_unprotected(place: Hosted) -> None:
    protect(place, Guard(checks=(), up_to_date=False, approvals=0))
    assert standing(place).base == Protection((), False, False, 0, False)


# What is not allowed, and what is not seen


def test_who_is_no_administrator_sees_less(place: Hosted) -> None:
    place.host.role = "write"
    found = standing(place)
    assert (found.lacks, found.who) == ((), "release-bot")
    assert found.base is not None
    assert (found.base.checks, found.base.queue) == (as_shown(place, SEEN).checks, False)
    unseen = {
        "github": r"up to date \(404 Not Found\): the permission Administration: read, or the role Admin, shows it",
        "gitlab": r"how many must approve \(403 .*\): the role Maintainer shows it\nwhether commits must be signed",
        "gitea": r"up to date, and its commits signed: an administrator of the repository sees it",
    }
    assert re.search(unseen[place.kind], text(found))
    assert found.base.up_to_date is (True if place.kind == "gitlab" else None)
    assert found.base.approvals == (None if place.kind == "gitlab" else 2)
    assert found.base.signatures is (True if place.kind == "github" else None)


def test_a_role_that_may_only_read_is_told(place: Hosted) -> None:
    place.host.role = "read"
    told = {
        "github": "the role Write",
        "gitlab": "the role Developer (it has Reporter)",
        "gitea": "the right to write to the repository",
    }
    assert standing(place).lacks == (told[place.kind],)


def test_an_archived_repository_is_told(place: Hosted) -> None:
    place.host.archived = True
    assert standing(place).lacks == (f"the {'project' if place.kind == 'gitlab' else 'repository'} is archived",)


def test_a_base_that_is_not_there_is_not_seen(place: Hosted) -> None:
    found = standing(place, "release")
    assert re.search(r"the branch `release` \(404 .*\): .* if it exists", text(found))
    assert found.base is not None
    assert found.base.checks is None


@pytest.mark.parametrize("status", [401, 404])
def test_a_token_that_is_bad_and_a_repository_that_is_not_there_are_errors(place: Hosted, status: int) -> None:
    place.host.failures = [Answer(status, {"message": "no"})]
    with pytest.raises(UserError, match=f"{place.kind} did not show the (repository|project): {status} no") as caught:
        place.connect().standing("main")
    assert caught.value.status == 3


@pytest.mark.parametrize(
    ("later", "status", "words"),
    [(0, 503, "down"), (1, 503, "down"), (3, 503, "down"), (1, 429, "slow down"), (0, 403, "API rate limit exceeded")],
)
def test_a_forge_that_does_not_answer_is_an_error(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, later: int, status: int, words: str
) -> None:
    real, answered = place.host.answer, [0]

    def breaks(request: Request, user: str) -> Answer:
        answered[0] += 1
        return real(request, user) if answered[0] <= later else Answer(status, {"message": words})

    monkeypatch.setattr(place.host, "answer", breaks)
    with pytest.raises(UserError, match=f"{place.kind} did not .*: {status} {words}") as caught:
        place.connect().standing("main")
    assert caught.value.status == 3


@pytest.mark.parametrize("body", ["<html>", 7, [{"x": 1}]])
def test_an_answer_that_is_none_of_this_api_is_an_error(place: Hosted, body: object) -> None:
    place.host.failures = [Answer(200, body)] * 9
    with pytest.raises(UserError, match=f"{place.kind} did not show the "):
        place.connect().standing("main")


def spoiled(random: Random, value: object) -> object:
    """Return an answer in which one value is another."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(sorted(value))
        return {**value, name: spoiled(random, value[name])}
    if isinstance(value, list) and value and random.random() < 0.9:
        return [spoiled(random, value[0]), *value[1:]]
    return random.choice([None, 7, -1.5, "x", "", [], {}, [7], [[]], [{}], {"x": 1}, True])


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_with_a_value_that_is_wrong_is_told_or_not_needed(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random, real = Random(seed), place.host.answer
    state = {"left": 0}

    def spoil(request: Request, user: str) -> Answer:
        answer, state["left"] = real(request, user), state["left"] - 1
        return replace(answer, body=spoiled(random, answer.body)) if state["left"] == 0 else answer

    monkeypatch.setattr(place.host, "answer", spoil)
    for _ in range(25):
        state["left"] = random.randint(1, 9)
        try:
            assert isinstance(place.connect().standing("main"), TokenCapabilities)
        except UserError as error:
            assert error.status == 3


def test_what_is_denied_to_the_token_is_no_error(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.host, "answer", lambda request, user: Answer(403, {"message": f"no {TOKEN} here"}))
    found = standing(place)
    assert (found.base, found.who, found.clock) == (Protection(), None, None)
    assert re.match(r"the (repository|project) \(403 no \*\*\* here\): ", text(found))


# Statuses


@pytest.mark.parametrize("place", ["github"], indirect=True)
@pytest.mark.parametrize("is_classic", [True, False])
def test_a_check_that_is_pinned_to_an_app_is_told(place: Hosted, is_classic: bool) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.apps = {"lint": 15368}
    if not is_classic:
        place.host.guard, place.host.ruleset = None, GUARD
    for role in ("admin", "write"):
        place.host.role = role
        base = standing(place).base
        assert base is not None
        assert base.pinned == (("lint", 15368),)


@pytest.mark.parametrize("place", ["github"], indirect=True)
@pytest.mark.parametrize(
    ("scopes", "granted", "may"),
    [
        *((scopes, "", True) for scopes in ("repo", "repo:status, public_repo", "public_repo")),
        *(("gist, read:org", granted, False) for granted in ("", "write")),
        *((None, granted, granted == "write") for granted in ("", "read", "write")),
    ],
)
def test_whether_a_token_may_set_statuses_is_told(place: Hosted, scopes: str | None, granted: str, may: bool) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.scopes = scopes
    place.host.granted |= {"statuses": granted} if granted else {}
    assert standing(place).may_attest is may
    assert place.host.statuses == []


@pytest.mark.parametrize("place", ["github"], indirect=True)
@pytest.mark.parametrize(("granted", "may"), [("", False), ("read", False), ("write", True)])
def test_whether_an_app_may_set_statuses_is_told(
    place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, granted: str, may: bool
) -> None:
    assert isinstance(place.host, FakeGitHub)
    as_app(tmp_path / "app.pem", monkeypatch)
    place.host.scopes = None
    place.host.granted |= {"statuses": granted} if granted else {}
    found = standing(place, lent="/access_tokens")
    assert (found.app, found.may_attest) == (1, may)


# Rules


def test_what_one_rule_asks_holds_and_what_was_not_seen_stays_unknown() -> None:
    ours = Protection(("a",), False, False, 1, True)
    assert together([]) is None
    assert together([ours, Protection(("b", "a"), True, False, 0, False)]) == Protection(
        ("a", "b"), True, False, 1, True
    )
    assert together([ours, Protection()]) == Protection(("a",), None, None, 1, True)
    assert together([Protection((), False, True, 0, False), Protection()]) == Protection(None, None, True, None, None)


# A repository on this disk


def test_a_local_forge_must_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = tmp_path / "models.git"
    for name in ("objects", "refs"):
        (remote / name).mkdir(parents=True)
    forge = LocalForge(str(remote), lambda _, __: False)
    assert forge.standing("main") == TokenCapabilities(auto_merge=True)
    assert not forge.folder.exists(), "nothing is made"
    forge.folder.mkdir()
    shut = (remote / "refs", forge.folder)
    monkeypatch.setattr("os.access", lambda path, mode: path not in shut)  # root may write to all
    found = forge.standing("main")
    assert found == TokenCapabilities(lacks=tuple(f"the right to write to {each}" for each in shut), auto_merge=False)
