"""Forges differ in what they tell of a token and of a branch: some say it, some show it by what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.forge import Guard
from fakes.gitea import FakeGitea
from fakes.github import FakeGitHub
from fakes.gitlab import FakeGitLab
from fakes.host import Answer
from hosted_repositories import FAKES, Hosted, as_app, hosted, let_in
from token_capabilities import GUARD, SEEN, protect, standing, text

from rollout_spec.integrations.forges import Protection

pytestmark = pytest.mark.system


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        protect(place, GUARD)
        place.host.role = "admin"
        yield place


def only(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", [kind], indirect=True)


# Tokens


def test_when_a_token_ends_is_told(place: Hosted) -> None:
    host = place.host
    if isinstance(host, FakeGitHub):
        for header in ("2026-11-27 10:00:00 UTC", "2026-11-27 02:00:00 -0800"):
            host.expires = header
            assert standing(place).expires == datetime(2026, 11, 27, 10, tzinfo=UTC)
        host.expires = "soon"
    elif isinstance(host, FakeGitLab):
        host.expires = "2026-11-27"
        assert standing(place).expires == datetime(2026, 11, 27, tzinfo=UTC)
        host.expires = None
    assert standing(place).expires is None


@only("github")
@pytest.mark.parametrize(
    ("scopes", "private", "lacks"),
    [
        ("repo, workflow", True, ()),
        ("public_repo", False, ()),
        ("public_repo", True, ("the scope `repo` (it has public_repo)",)),
        ("read:org, gist", False, ("the scope `repo` (it has read:org, gist)",)),
    ],
)
def test_a_classic_token_says_its_scopes(place: Hosted, scopes: str, private: bool, lacks: tuple[str, ...]) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.scopes, place.host.private = scopes, private
    assert standing(place).lacks == lacks
    assert all(request.verb == "GET" or "graphql" in request.path for request, _ in place.host.asked)


@only("github")
@pytest.mark.parametrize("missing", ["contents", "pull_requests", None])
def test_what_a_fine_grained_token_may_is_tried_harmlessly(place: Hosted, missing: str | None) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.scopes = None
    if missing:
        place.host.granted[missing] = "read"
    said = "Resource not accessible by personal access token"
    told = {"contents": f"Contents: write ({said})", "pull_requests": f"Pull requests: write ({said})"}
    assert standing(place).lacks == ((told[missing],) if missing else ())
    statuses = {(request.path[-5:], answer.status) for request, answer in place.host.asked if request.verb == "POST"}
    assert statuses >= {("/refs", 403 if missing == "contents" else 422)}
    assert statuses >= {("pulls", 403 if missing == "pull_requests" else 422)}


@only("github")
def test_a_fine_grained_token_is_not_told_of_a_classic_merge_queue(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.scopes, place.host.granted["administration"] = None, "read"
    found = standing(place)
    assert found.base == replace(SEEN, queue=None)
    assert found.unseen == ("whether `main` has a merge queue: the permission Merge queues: read shows it",)
    place.host.guard = replace(GUARD, queue=True)
    assert standing(place).base == replace(SEEN, queue=None)
    place.host.granted["merge_queues"] = "read"
    assert standing(place).base == replace(SEEN, queue=True)


@only("github")
def test_a_workflow_that_may_open_no_pull_requests_is_told(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.scopes, place.host.is_workflow = None, True
    assert standing(place).lacks == (
        "Pull requests: write (GitHub Actions is not permitted to create or approve pull requests.)",
    )


@only("github")
@pytest.mark.parametrize("missing", ["contents", "pull_requests", None])
def test_what_an_app_may_is_declared(
    place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    assert isinstance(place.host, FakeGitHub)
    as_app(tmp_path / "app.pem", monkeypatch)
    place.host.scopes = None
    told = {
        "contents": "Contents: write (the App has read)",
        "pull_requests": "Pull requests: write (the App has no access)",
    }
    if missing == "contents":
        place.host.granted["contents"] = "read"
    elif missing:
        del place.host.granted[missing]
    found = standing(place, lent="/access_tokens")
    assert found.lacks == ((told[missing],) if missing else ())
    assert found.who == "release-app[bot]"


@only("gitlab")
@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        (["api"], ()),
        (["read_api", "write_repository"], ("the scope `api` (it has read_api, write_repository)",)),
        (["write_repository"], ("the scope `api`",)),
        (None, ()),
    ],
)
def test_gitlab_says_a_tokens_scopes(place: Hosted, scopes: list[str] | None, lacks: tuple[str, ...]) -> None:
    assert isinstance(place.host, FakeGitLab)
    place.host.scopes = scopes
    found = standing(place)
    assert found.lacks == lacks
    assert ("a personal, group or project access token shows them" in text(found)) is (scopes is None)


@only("gitea")
@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        (["write:repository", "write:issue", "read:user"], ()),
        (["write:repository", "read:issue", "read:user"], ("the scope `write:issue`",)),
        (["read:repository", "write:issue", "read:user"], ("the scope `write:repository`",)),
        (["read:repository", "read:user"], ("the scope `write:repository`", "the scope `write:issue`")),
        (["write:issue", "read:user"], ("the scope `write:repository`",)),
    ],
)
def test_gitea_refuses_what_a_tokens_scopes_do_not_hold(
    place: Hosted, scopes: list[str], lacks: tuple[str, ...]
) -> None:
    assert isinstance(place.host, FakeGitea)
    place.host.scopes = scopes
    assert standing(place).lacks == lacks


@only("gitea")
def test_gitea_does_not_say_whose_a_token_is_without_a_scope_for_that(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitea)
    place.host.scopes.remove("read:user")
    found = standing(place)
    assert (found.who, found.lacks) == (None, ())
    assert text(found).startswith("whose the token is (403 token does not have")
    assert text(found).endswith("the scope `read:user` shows it")


# Protection


@only("github")
def test_a_ruleset_with_a_merge_queue_is_seen_by_all(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.role, place.host.guard = "write", None
    place.host.ruleset = replace(GUARD, queue=True)
    place.host.allows_auto_merge = False
    found = standing(place)
    assert (found.base, found.unseen, found.auto_merge) == (replace(SEEN, queue=True), (), True)


@only("github")
def test_rulesets_and_a_classic_rule_hold_together(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.guard = Guard(checks=("lint", "build"), up_to_date=False, approvals=0)
    place.host.ruleset = Guard(checks=("rollouts", "lint"), up_to_date=True, approvals=1)
    assert standing(place).base == Protection(("rollouts", "lint", "build"), True, False, 1, False)
    place.host.ruleset = Guard(checks=(), up_to_date=True, approvals=0)
    assert standing(place).base == Protection(("lint", "build"), False, False, 0, False), "nothing is tested"
    place.host.guard = place.host.ruleset
    assert standing(place).base == Protection((), False, False, 0, False)


@only("github")
def test_where_graphql_is_denied_rest_is_believed(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.has_graphql, place.host.role = False, "write"
    found = standing(place)
    assert (found.who, found.auto_merge) == (None, None)
    assert found.base == Protection(checks=("rollouts", "lint"))
    assert len(found.unseen) == 3


@only("github")
@pytest.mark.parametrize(
    ("refusal", "is_unseen"),
    [
        (Answer(404, {"message": "Not Found"}), False),
        (
            Answer(403, {"message": "Upgrade to GitHub Pro or make this repository public to enable this feature."}),
            False,
        ),
        (Answer(403, {"message": "Resource not accessible by integration"}), True),
    ],
)
def test_a_server_or_plan_without_rulesets_has_none(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, refusal: Answer, is_unseen: bool
) -> None:
    place.host.guard = None
    real = place.host.answer
    monkeypatch.setattr(
        place.host, "answer", lambda request, user: refusal if "/rules/" in request.path else real(request, user)
    )
    found = standing(place)
    assert (found.base, len(found.unseen)) == ((Protection(), 1) if is_unseen else (None, 0))


@only("github")
def test_an_enterprise_says_its_version(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    real = place.host.answer

    def stamp(request: object, user: str) -> Answer:
        answer = real(request, user)  # type: ignore[arg-type]
        return replace(answer, headers={**answer.headers, "X-GitHub-Enterprise-Version": "3.19.1"})

    monkeypatch.setattr(place.host, "answer", stamp)
    assert standing(place).server == "GitHub Enterprise Server 3.19.1"


@only("gitlab")
def test_an_edition_without_approvals_asks_for_none(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitLab)
    place.host.is_paid, place.host.role = False, "write"
    found = standing(place)
    assert found.base == Protection(("pipeline",), True, False, 0, False)
    assert found.server == "GitLab 18.5.1"


@only("gitlab")
@pytest.mark.parametrize(("method", "is_up_to_date"), [("merge", False), ("rebase_merge", True), ("ff", True)])
def test_a_merge_train_is_a_queue(place: Hosted, method: str, is_up_to_date: bool) -> None:
    assert isinstance(place.host, FakeGitLab)
    place.host.guard, place.host.merge_method = replace(GUARD, queue=True), method
    assert standing(place).base == Protection(("pipeline",), is_up_to_date, True, 2, True)


MAINTAINERS, DEVELOPERS, NOBODY = ({"access_level": level, "user_id": None, "group_id": None} for level in (40, 30, 0))
BOT, GROUP = (
    {"access_level": 40, "user_id": 102, "group_id": None},
    {"access_level": 40, "user_id": None, "group_id": 7},
)


@only("gitlab")
@pytest.mark.parametrize(
    ("role", "levels", "name", "may"),
    [
        ("admin", [MAINTAINERS], "main", True),
        ("admin", [MAINTAINERS], "ma*", True),
        ("admin", [NOBODY], "main", False),
        ("admin", [NOBODY, BOT], "main", True),
        ("admin", [NOBODY, GROUP], "main", None),
        ("write", [MAINTAINERS], "main", False),
        ("write", [DEVELOPERS], "main", True),
        ("read", [DEVELOPERS], "main", False),
    ],
)
def test_who_may_not_merge_arms_nothing(
    place: Hosted, role: str, levels: list[dict[str, object]], name: str, may: bool | None
) -> None:
    assert isinstance(place.host, FakeGitLab)
    place.host.role, place.host.merge_levels, place.host.protects = role, levels, name
    for by_group in (False, True):
        place.host.is_member_of_group = by_group
        assert standing(place).auto_merge is may


@only("gitlab")
def test_a_role_from_a_group_counts_where_it_is_higher(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitLab)
    place.host.own_role = "read"
    found = standing(place)
    assert (found.lacks, found.auto_merge) == ((), True)


@only("gitea")
def test_gitea_says_who_may_merge_and_by_which_rule(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitea)
    place.host.may_merge, place.host.rule_name = False, "release/**"
    found = standing(place)
    assert (found.auto_merge, found.base) == (False, SEEN)
    assert any("/branch_protections/release%2F%2A%2A " in line for line in place.host.raw)
