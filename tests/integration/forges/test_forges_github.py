"""GitHub has more ways to merge than the others, Apps, and publishes what it takes and answers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from fakes.forge import Guard
from fakes.github import FakeGitHub
from fakes.host import Answer, Request
from fakes.openapi import contract
from fakes.statuses import CONTEXT
from graphql import GraphQLSchema, build_client_schema, graphql_sync, parse
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode
from graphql.validation import validate
from hosted_repositories import BRANCH, CHANGE, Hosted, as_app, hosted, let_in, private_key
from real_servers import npm_package

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import Access, Forge, credential
from rollout_spec.integrations.forges.github import app_tokens
from rollout_spec.integrations.forges.http import ForgeError

pytestmark = pytest.mark.system


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted("github", tmp_path / "models.git") as place:
        yield place


@pytest.fixture
def host(place: Hosted) -> FakeGitHub:
    assert isinstance(place.host, FakeGitHub)
    return place.host


def found(forge: Forge) -> PullRequest:
    pull = forge.find(BRANCH, "main")
    assert pull is not None
    return pull


# Merging


def test_where_auto_merge_is_off_one_with_nothing_to_wait_for_is_merged(place: Hosted, host: FakeGitHub) -> None:
    host.allows_auto_merge = False
    forge, _, commit = place.opened()
    with pytest.raises(UserError, match="Auto merge is not allowed for this repository") as caught:
        forge.enable_auto_merge(found(forge), commit)
    assert caught.value.hint == "allow auto-merge in the settings of the repository"
    host.checks = "none"
    assert forge.enable_auto_merge(found(forge), commit).state == "merged"


def test_where_there_is_a_merge_queue_it_is_queued(place: Hosted, host: FakeGitHub) -> None:
    host.has_queue, host.checks = True, "success"
    forge, pull, commit = place.opened()
    assert forge.enable_auto_merge(found(forge), commit).auto_merge_enabled
    assert (host.queue, pull.state) == ([1], "open")


def test_one_that_is_in_the_queue_is_not_queued_again(place: Hosted, host: FakeGitHub) -> None:
    host.has_queue, host.checks = True, "success"
    forge, _, commit = place.opened()
    for _ in range(2):
        assert not found(forge).auto_merge_enabled, "a queue is not auto-merge"
        assert forge.enable_auto_merge(found(forge), commit).auto_merge_enabled
    assert host.queue == [1]
    mutations = [request for request, _ in host.asked if "mutation" in str((request.body or {}).get("query"))]
    assert len(mutations) == 1


def test_what_waits_for_its_checks_is_queued_by_auto_merge(place: Hosted, host: FakeGitHub) -> None:
    host.has_queue = True
    forge, pull, commit = place.opened()
    assert forge.enable_auto_merge(found(forge), commit).auto_merge_enabled
    assert (host.queue, pull.armed) == ([], commit)


def test_where_there_is_a_merge_queue_nothing_goes_past_it(place: Hosted, host: FakeGitHub) -> None:
    host.has_queue, host.allows_auto_merge = True, False
    forge, pull, commit = place.opened()
    with pytest.raises(UserError, match="Auto merge is not allowed"):
        forge.enable_auto_merge(found(forge), commit)
    assert (host.queue, pull.state) == ([], "open")
    assert not any(request.verb == "PUT" for request, _ in host.asked)


def test_what_its_queue_refuses_is_not_merged_past_it(
    place: Hosted, host: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.has_queue, host.checks, host.allows_auto_merge = True, "success", False
    forge, _, commit = place.opened()
    real = host.answer

    def refuse(request: Request, user: str) -> Answer:
        if "enqueuePullRequest" in str(request.body):
            return Answer(200, {"data": None, "errors": [{"type": "FORBIDDEN", "message": "not you"}]})
        return real(request, user)

    monkeypatch.setattr(host, "answer", refuse)
    with pytest.raises(UserError, match="Auto merge is not allowed"):
        forge.enable_auto_merge(found(forge), commit)
    assert not any(request.verb == "PUT" for request, _ in host.asked)


def test_an_older_server_says_of_its_queue_when_it_is_merged(place: Hosted, host: FakeGitHub) -> None:
    host.has_queue, host.checks, host.knows_queues = True, "success", False
    forge, pull, commit = place.opened()
    assert forge.enable_auto_merge(found(forge), commit).auto_merge_enabled
    assert (host.queue, pull.state) == ([1], "open")


def test_a_merge_that_is_refused_is_said(place: Hosted, host: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, pull, commit = place.opened()
    host.checks = "success"
    real = host.answer

    def conflict(request: Request, user: str) -> Answer:
        return (
            Answer(405, {"message": "Pull Request is not mergeable"}) if request.verb == "PUT" else real(request, user)
        )

    monkeypatch.setattr(host, "answer", conflict)
    with pytest.raises(UserError, match="github did not merge: 405 Pull Request is not mergeable"):
        forge.enable_auto_merge(found(forge), commit)
    assert pull.state == "open"


def test_a_head_that_moves_between_two_requests_is_not_merged(
    place: Hosted, host: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge, pull, commit = place.opened()
    host.checks = "success"
    real = host.answer

    def push_then(request: Request, user: str) -> Answer:
        answer = real(request, user)
        if request.path == "/api/graphql" and "enablePullRequestAutoMerge" in request.body["query"]:
            place.push()
        return answer

    monkeypatch.setattr(host, "answer", push_then)
    with pytest.raises(UserError, match="github did not merge: 409 Head branch was modified"):
        forge.enable_auto_merge(found(forge), commit)
    assert pull.state == "open"


def test_where_the_plan_has_no_drafts_the_title_says_it(place: Hosted, host: FakeGitHub) -> None:
    host.has_drafts = False
    _, pull, _ = place.opened(draft=True)
    assert (pull.draft, pull.title) == (False, "Draft: Roll back fraud")


# Apps


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The private key of an App that the environment names, in its file."""
    as_app(tmp_path / "app.pem", monkeypatch)
    return tmp_path / "app.pem"


@pytest.mark.parametrize("installation", [None, "7"])
def test_an_app_is_lent_a_token(
    place: Hosted, host: FakeGitHub, app: Path, monkeypatch: pytest.MonkeyPatch, installation: str | None
) -> None:
    if installation:
        monkeypatch.setenv("GITHUB_APP_INSTALLATION_ID", installation)
    _, pull, _ = place.opened()
    assert (pull.author, host.app_tokens) == ("release-app[bot]", 1)
    shown = [request.headers["authorization"].split()[1] for request, _ in host.asked if "installation" in request.path]
    assert len(shown) == (1 if installation else 2)
    for each in shown:
        claims = jwt.decode(each, private_key().public_key(), algorithms=["RS256"])
        assert (claims["iss"], claims["exp"] - claims["iat"] <= 600) == ("1", True)


def test_a_recent_token_of_an_app_is_used_again(place: Hosted, host: FakeGitHub, app: Path) -> None:
    for _ in range(3):
        assert place.connect().find(BRANCH, "main") is None
    assert host.app_tokens == 1


@pytest.mark.parametrize("change", ["key", "installation", "refusal", "time"])
def test_another_token_is_issued_once_the_last_one_is_of_no_use(
    place: Hosted, host: FakeGitHub, app: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    forge = place.connect()
    if change == "key":
        os.utime(app, (1, 1))
    elif change == "installation":
        monkeypatch.setenv("GITHUB_APP_INSTALLATION_ID", "7")
    elif change == "refusal":
        host.tokens.pop("ghs_of-the-app")
        with pytest.raises(ForgeError, match="401 Bad credentials"):
            forge.find(BRANCH, "main")
    else:
        monkeypatch.setattr(app_tokens, "_SECONDS", 0.0)
    assert place.connect().find(BRANCH, "main") is None
    assert host.app_tokens == 2


def test_an_app_whose_key_is_gone_is_lent_nothing(place: Hosted, host: FakeGitHub, app: Path) -> None:
    place.connect()
    app.unlink()
    with pytest.raises(UserError, match=r"names is unusable: No such file"):
        place.connect()


def test_git_is_lent_it_too(place: Hosted, app: Path) -> None:
    shown = credential("github", Access(place.host.clone_url, "acme/models", place.base_url, lambda _, __: False))
    assert shown is not None
    assert (shown.url, shown.user, shown.password) == (place.host.url, "x-access-token", "ghs_of-the-app")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("GITHUB_APP_ID", "one", r"\$GITHUB_APP_ID and \$GITHUB_APP_INSTALLATION_ID must be numbers"),
        ("GITHUB_APP_INSTALLATION_ID", "../7", r"\$GITHUB_APP_ID and \$GITHUB_APP_INSTALLATION_ID must be numbers"),
        ("GITHUB_APP_PRIVATE_KEY_FILE", "", r"\$GITHUB_APP_ID is set, but \$GITHUB_APP_PRIVATE_KEY_FILE is not"),
        ("GITHUB_APP_PRIVATE_KEY_FILE", "/nowhere/x.pem", "is unusable: No such file or directory"),
    ],
)
def test_an_app_that_is_set_wrong_is_told(
    place: Hosted, app: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=told):
        place.connect()


@pytest.mark.parametrize(
    "content", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"]
)
def test_a_key_that_is_none_is_told_and_not_shown(place: Hosted, app: Path, content: str) -> None:
    app.write_text(content)
    with pytest.raises(UserError, match="is unusable: it contains no private key") as caught:
        place.connect()
    assert "c2Vj" not in str(caught.value)


def test_an_app_that_is_installed_elsewhere_is_told(place: Hosted, app: Path) -> None:
    access = Access(place.host.clone_url, "acme/others", place.base_url, lambda _, __: False)
    with pytest.raises(UserError, match="github did not issue a token for the App: 404 Not Found"):
        credential("github", access)


# What is published


ONLY_IN_PROSE = "POST /repos/{owner}/{repo}/issues/{issue_number}/labels, request at $: ['rollback', "
"""PyGithub sends the labels as a list. GitHub's description of that body allows it; the schema beside it does not."""


@pytest.fixture(scope="module")
def graphql_schema() -> GraphQLSchema:
    introspected = json.loads((npm_package("@octokit/graphql-schema") / "schema.json").read_bytes())
    return build_client_schema(introspected, assume_valid=True)  # of deprecations it thinks otherwise than GitHub


def everything(place: Hosted, host: FakeGitHub) -> None:
    """Do all that a rollback may do, and all that is refused."""
    forge, pull, commit = place.opened(draft=True)
    forge.ready(forge.ensure_pull_request(CHANGE, commit, "main"))
    forge.interventions(forge.update(found(forge), replace(CHANGE, title="Again"), commit))
    forge.label_and_request_review(found(forge), CHANGE.labels, ("ada", "team-risk", "nobody"))
    for text in ("One.", "One.", "Two."):
        forge.comment(found(forge), "key", text)
    forge.enable_auto_merge(found(forge), commit)
    forge.hold(found(forge))
    forge.enable_auto_merge(forge.ready(found(forge)), commit)
    for _ in range(2):
        forge.attest(found(forge), commit, CONTEXT, "rollout-spec built and checked it: fraud 42 -> 41")
    host.say(pull, "ada", "Why?")
    host.checks_pass()
    found(forge)
    host.checks = "pending"
    for branch in ("absent", "main"):
        with pytest.raises(UserError):
            forge.ensure_pull_request(replace(CHANGE, branch=branch), commit, "main")
    second = place.push("rollback/acme/fraud/43")
    other = forge.ensure_pull_request(replace(CHANGE, branch="rollback/acme/fraud/43"), second, "main")
    with pytest.raises(UserError):
        forge._open(replace(CHANGE, branch=other.head), "main", draft=False)  # type: ignore[attr-defined]
    with pytest.raises(UserError):
        forge.enable_auto_merge(other, commit)
    host.checks, host.has_queue = "success", True
    forge.enable_auto_merge(other, second)
    forge.ready(forge.hold(other))
    assert host.queue == []
    host.knows_queues = False
    forge.enable_auto_merge(other, second)
    host.queue.clear()
    host.has_queue = False
    host.allows_auto_merge = False
    forge.enable_auto_merge(other, second)
    third = place.push("rollback/acme/fraud/44")
    forge.close(forge.ensure_pull_request(replace(CHANGE, branch="rollback/acme/fraud/44"), third, "main"))


def test_every_request_and_answer_is_as_github_publishes_it(place: Hosted, host: FakeGitHub) -> None:
    published = contract(npm_package("@octokit/openapi") / "generated" / "api.github.com.json")
    everything(place, host)
    rest = [(request, answer) for request, answer in host.asked if request.path != "/api/graphql"]
    assert {(request.verb, answer.status) for request, answer in rest} >= {
        *(("GET", 200), ("POST", 201), ("POST", 200), ("POST", 422), ("PATCH", 200), ("PUT", 200), ("PUT", 405)),
    }
    found = [words for each in rest for words in published.violations(host.root, *each)]
    assert [words for words in found if not words.startswith(ONLY_IN_PROSE)] == []


def test_an_app_asks_as_github_publishes_it(place: Hosted, host: FakeGitHub, app: Path) -> None:
    published = contract(npm_package("@octokit/openapi") / "generated" / "api.github.com.json")
    place.opened()
    assert [words for each in host.asked for words in published.violations(host.root, *each)] == []


def asks(place: Hosted, host: FakeGitHub) -> None:
    """Ask all that is asked of a token, a branch and a commit, with all that may be answered."""
    merge = host.merge(place.opened()[1])
    host.apps["rollouts"] = 15368
    ends = "2026-11-27 10:00:00 UTC"
    for scopes, role, expires in ((None, "admin", None), ("repo", "admin", ends), ("public_repo", "write", None)):
        host.scopes, host.role, host.expires = scopes, role, expires
        for host.guard in (None, Guard(), Guard((), False, 0, True)):
            for host.ruleset in (None, Guard(queue=True, signatures=True)):
                place.connect().standing("main")
        host.archived = True
        place.connect().standing("absent")
        host.archived = False
    assert place.connect().merged_at(merge, "main") is not None


def test_what_it_asks_of_a_token_is_as_github_publishes_it(
    place: Hosted, host: FakeGitHub, graphql_schema: GraphQLSchema
) -> None:
    published = contract(npm_package("@octokit/openapi") / "generated" / "api.github.com.json")
    asks(place, host)
    rest = [(request, answer) for request, answer in host.asked if request.path != "/api/graphql"]
    assert {(request.path.rpartition("/")[2], answer.status) for request, answer in rest} >= {
        *(("protection", 200), ("protection", 404), ("main", 200), ("absent", 404), ("refs", 422), ("pulls", 200)),
    }
    assert [words for each in rest for words in published.violations(host.root, *each)] == []
    queries = [(request.body, answer.body["data"]) for request, answer in host.asked if "graphql" in request.path]
    assert {name for body, _ in queries for name in re.findall(r"query (\w+)", body["query"])} == {"About", "Queue"}
    for body, data in queries:
        done = graphql_sync(graphql_schema, body["query"], root_value=data, variable_values=body["variables"])
        assert (done.errors, done.data) == (None, data)


def test_what_is_not_as_published_is_seen(place: Hosted, host: FakeGitHub) -> None:
    published = contract(npm_package("@octokit/openapi") / "generated" / "api.github.com.json")
    place.opened()
    request, answer = next(each for each in host.asked if each[0].verb == "POST")
    assert published.violations(host.root, request, answer) == []
    for bad_request, bad_answer in (
        (replace(request, body={"title": "x"}), answer),
        (replace(request, path="/api/v3/repos/acme/models/pull"), answer),
        (replace(request, query={"per_page": "100"}), answer),
        (request, replace(answer, body={"number": 1})),
        (request, replace(answer, status=418)),
    ):
        assert published.violations(host.root, bad_request, bad_answer) != []


def test_every_mutation_is_as_github_publishes_it(
    place: Hosted, host: FakeGitHub, graphql_schema: GraphQLSchema
) -> None:
    everything(place, host)
    asked = [request.body for request, _ in host.asked if request.path == "/api/graphql"]
    names = {match[1] for each in asked if (match := re.search(r"\{ (\w+)\(input", each["query"]))}
    assert names == {
        *("markPullRequestReadyForReview", "enablePullRequestAutoMerge", "enqueuePullRequest"),
        *("convertPullRequestToDraft", "disablePullRequestAutoMerge", "dequeuePullRequest"),
    }
    for each in asked:
        document = parse(each["query"])
        assert validate(graphql_schema, document) == []
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert not isinstance(
            get_variable_values(graphql_schema, operation.variable_definitions or (), each["variables"]), list
        )
