"""A rollback on a forge, from the alert to the pull request: git really pushes, and the token shows nowhere."""

from __future__ import annotations

import base64
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.host import Answer, Request
from hosted_repositories import FAKES, TOKEN, Hosted, as_app, hosted, let_in, point_to
from real_servers import CHECKOUT
from repo import Repo, Result, plain

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """The forge of a clone, whose remote is reached by HTTP from now on."""
    let_in(monkeypatch)
    with hosted(request.param, repo.remote) as place:
        point_to(repo, place)
        yield place


ONE = pytest.mark.parametrize("place", ["gitea"], indirect=True)
"""What is about git and the rollback is tried on one; how the forges differ in it is in test_forges_remote.py."""


@contextmanager
def by_disk(repo: Repo, place: Hosted) -> Iterator[None]:
    """Let a person push from the clone: they have other credentials."""
    repo.git("remote", "set-url", "origin", str(repo.remote))
    yield
    repo.git("remote", "set-url", "origin", place.host.clone_url)


def merges_itself(repo: Repo, place: Hosted) -> None:
    """Let the workspace and the rollout say that a rollback may merge itself."""
    with by_disk(repo, place):
        repo.edit(".rollout-spec.yaml", "mode: pull-request", "mode: auto-merge")
        rollout = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
        assert "merge: auto" in rollout
        repo.commit("Let it merge itself")


def test_a_breach_opens_a_pull_request(repo: Repo, place: Hosted) -> None:
    answer = repo.breach("42")
    assert answer.status == 0, answer.text
    (pull,) = place.host.pulls
    assert re.fullmatch(f"{BRANCH}-[0-9a-f]{{8}}", pull.head)
    assert (pull.base, pull.state, pull.draft, pull.author) == ("main", "open", False, "release-bot")
    assert place.host.head(pull) == repo.tip(BRANCH)
    assert answer.out.startswith(f"opened pull request 1: {place.host.url}/acme/models/")
    assert pull.labels == ["rollback", "rollout:fraud"]
    assert "**fraud 42 failed in canary-5" in pull.body
    if place.kind == "gitlab":  # it asks people, and the example names a team
        note = "`team-risk` was not asked for a review: no such user"
        assert [each.body for each in pull.comments] == [
            f"The forge did not do this:\n\n- {note}\n\n<!-- rollout-spec: not-done -->\n"
        ]
        assert note in answer.err
    else:
        assert (pull.teams, pull.comments) == (["team-risk"], [])


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_an_app_pushes_and_opens_with_the_token_that_it_is_lent(
    repo: Repo, place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_app(tmp_path / "app.pem", monkeypatch)
    place.host.tokens.clear()
    answer = repo.breach("42")
    assert answer.status == 0, answer.text
    assert [pull.author for pull in place.host.pulls] == ["release-app[bot]"]
    assert repo.branches() == [BRANCH]


def test_a_second_breach_adopts_it(repo: Repo, place: Hosted) -> None:
    assert repo.breach("42").status == 0
    comments = []
    for _ in range(2):
        answer = repo.breach("42", "latency-sla")
        assert (answer.status, answer.out.partition(":")[0]) == (0, "adopted pull request 1")
        comments.append([each.body for each in place.host.pulls[0].comments])
    assert len(place.host.pulls) == 1
    assert comments[0] == comments[1], "what was told once is not told again"


def test_two_at_once_open_one(repo: Repo, place: Hosted) -> None:
    payloads = [repo.payload(repo.alert("42", trigger), name=f"{trigger}.json") for trigger in ("drift", "latency-sla")]
    command = [sys.executable, "-m", "rollout_spec", "--repo", str(repo.workspace), "rollback", "--breach"]
    running = [
        subprocess.Popen(
            [*command, payload],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for payload in payloads
    ]
    told = [(*each.communicate(), each.returncode) for each in running]
    assert [status for _, _, status in told] == [0, 0], told
    assert all(" pull request 1: " in out for out, _, _ in told)
    assert (repo.branches(), len(place.host.pulls)) == ([BRANCH], 1)


def test_one_that_a_person_closed_is_not_opened_again_for_the_same_breach(repo: Repo, place: Hosted) -> None:
    assert repo.breach("42").status == 0
    (pull,) = place.host.pulls
    place.host.head(pull)
    pull.state = "closed"
    branch = repo.whole(BRANCH)
    for _ in range(2):
        answer = repo.breach("42")
        assert answer.status == 1
        assert "was closed by a person and is not reopened" in answer.err
        place.host.git("update-ref", "-d", f"refs/heads/{branch}")
    assert (repo.branches(), len(place.host.pulls)) == ([], 1)


@ONE
def test_one_that_was_merged_and_does_not_stand_on_the_base_is_opened_anew(repo: Repo, place: Hosted) -> None:
    assert repo.breach("42").status == 0
    place.host.head(place.host.pulls[0])
    place.host.pulls[0].state = "merged"
    answer = repo.breach("42")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert [plain(each.head) for each in place.host.pulls] == [BRANCH, f"{BRANCH}-2"]
    place.host.merge(place.host.pulls[1])
    answer = repo.breach("42")
    assert (answer.status, len(place.host.pulls)) == (0, 2)
    assert "incident fraud-42 quarantines it already" in answer.err


@pytest.mark.parametrize(("place", "squash"), [*((kind, True) for kind in FAKES), ("gitea", False)], indirect=["place"])
def test_a_merge_that_a_person_took_back_is_proposed_anew_as_a_draft(repo: Repo, place: Hosted, squash: bool) -> None:
    assert repo.breach("42").status == 0
    merge = place.host.merge(place.host.pulls[0], squash=squash)
    with by_disk(repo, place):
        repo.git("pull", "-q", "--ff-only", "origin", "main")
        repo.git("revert", "--no-edit", *(() if squash else ("-m", "1")), merge)
        repo.git("push", "-q", "origin", "HEAD")
    assert repo.live.candidate == "42"
    answer = repo.breach("42")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert "after this breach was observed [retaken]" in answer.out
    drafts = [each.draft or each.title.startswith(("Draft:", "WIP:")) for each in place.host.pulls]
    assert [plain(each.head) for each in place.host.pulls] == [BRANCH, f"{BRANCH}-2"]
    assert drafts == [False, True]
    assert repo.live_at(repo.tip(f"{BRANCH}-2")) == {"stable": "41", "knownGood": ["40"]}


@ONE
def test_where_the_workspace_says_so_it_merges_itself(repo: Repo, place: Hosted) -> None:
    merges_itself(repo, place)
    assert repo.breach("42").status == 0
    assert place.host.pulls[0].armed == repo.tip(BRANCH)
    place.host.checks_pass()
    assert "candidate" not in repo.live_at("main")
    assert repo.breach("42").status == 0
    assert len(place.host.pulls) == 1


@ONE
def test_where_nothing_is_to_be_waited_for_it_is_merged_at_once(repo: Repo, place: Hosted) -> None:
    merges_itself(repo, place)
    place.host.checks = "none"
    answer = repo.breach("42")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened and merged pull request 1")
    assert "candidate" not in repo.live_at("main")


@ONE
def test_what_a_person_added_to_is_theirs_and_the_breach_is_answered_beside_it(repo: Repo, place: Hosted) -> None:
    assert repo.breach("42").status == 0
    branch = repo.whole(BRANCH)
    merges_itself(repo, place)
    with by_disk(repo, place):
        repo.git("fetch", "-q", "origin")
        repo.git("checkout", "-q", "-b", "look", f"origin/{branch}")
        repo.write("notes.md", "It was the weather.\n")
        mine = repo.commit("Say why", push=False)
        repo.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
    answer = repo.breach("42")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert f"the branch {branch} on origin, of {place.host.url}" in answer.err
    assert f"has an unexpected commit ({mine[:12]}) and was left unchanged\n" in answer.err
    assert repo.tip(BRANCH) == mine
    assert [each.armed for each in place.host.pulls] == [None, repo.tip(f"{BRANCH}-2")]
    assert repo.breach("42").out.startswith("adopted pull request 2: ")


@ONE
def test_one_that_cannot_be_armed_stays_open_and_says_why(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    merges_itself(repo, place)
    real = place.host.answer

    def forbid(request: Request, user: str) -> Answer:
        if request.path.endswith(("/merge", "/graphql")):
            return Answer(403, {"message": "You're not allowed to merge"})
        return real(request, user)

    monkeypatch.setattr(place.host, "answer", forbid)
    answer = repo.breach("42")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 1")
    assert "auto-merge is not enabled: " in answer.err
    assert "403 You're not allowed to merge (the token" in place.host.pulls[0].comments[0].body


@ONE
def test_a_pull_request_that_cannot_be_opened_is_an_outside_failure_and_the_next_try_opens_it(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = place.host.answer

    def forbid(request: Request, user: str) -> Answer:
        return Answer(403, {"message": "no"}) if request.verb == "POST" else real(request, user)

    with monkeypatch.context() as patch:
        patch.setattr(place.host, "answer", forbid)
        answer = repo.breach("42")
        assert answer.status == 3
        assert f"{place.kind} did not open the" in answer.err
    assert (repo.branches(), place.host.pulls) == ([BRANCH], [])
    assert repo.breach("42").status == 0
    assert len(place.host.pulls) == 1


@ONE
def test_without_a_token_git_and_the_forge_say_so(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLOUT_SPEC_TOKEN")
    answer = repo.breach("42")
    assert answer.status == 3
    assert "git ls-remote failed: " in answer.err
    assert "see docs/forges.md for the token that git sends" in answer.err
    with by_disk(repo, place):  # as where git has credentials of its own
        answer = repo.breach("42")
    assert answer.status == 2
    assert f"no token for {place.kind}" in answer.err


# Where the token is


def shown(token: str) -> list[str]:
    """Return the token, and as git and others write it down."""
    pairs = (f"{user}:{token}" for user in ("x-access-token", "oauth2"))
    return [token, *(base64.b64encode(pair.encode()).decode() for pair in pairs)]


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize(("place", "fails"), [*((kind, True) for kind in FAKES), ("gitea", False)], indirect=["place"])
def test_the_token_is_in_headers_alone(
    repo: Repo,
    place: Hosted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fails: bool,
) -> None:
    """Git's traces have the command line of each process that it starts, and each header that it sends."""
    trace = tmp_path / "trace"
    for name in ("GIT_TRACE", "GIT_TRACE_CURL", "GIT_TRACE_PACKET", "GIT_TRACE_SETUP", "GIT_TRACE2_EVENT"):
        monkeypatch.setenv(name, str(trace))
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    monkeypatch.setenv("GIT_TRACE2_CONFIG_PARAMS", "credential.*,http.*")
    caplog.set_level(logging.DEBUG)
    if fails:
        place.host.failures = [Answer(422, {"message": f"what is {TOKEN}?", "errors": [TOKEN]})]
    answer = repo.breach("42")
    assert answer.status == (3 if fails else 0)
    assert any(place.host.git_saw), "git showed it"
    written = trace.read_text("utf-8", "replace")
    assert all(words in written for words in ("git-remote-http", "credential.", "Send header: Authorization: Basic"))
    (repo.remote.parent / "told").write_text(answer.text + caplog.text + "\n".join(place.host.raw))
    (repo.remote.parent / "pulls").write_text(repr(place.host.pulls))
    for path, text in texts(tmp_path):
        for secret in shown(TOKEN):
            assert secret not in text, path
    for request, _ in place.host.asked:
        assert TOKEN not in request.path + str(request.query) + str(request.body)


@ONE
def test_the_owners_own_helper_does_not_store_it(repo: Repo, place: Hosted, tmp_path: Path) -> None:
    store = tmp_path / "stored"
    repo.git("config", "credential.helper", f"store --file={store}")
    assert repo.breach("42").status == 0
    assert not store.exists()


@ONE
def test_it_is_not_shown_to_where_a_remote_has_moved(repo: Repo, place: Hosted, tmp_path: Path) -> None:
    with hosted(place.kind, repo.remote) as other:
        place.host.moved_to = other.host.clone_url
        answer = repo.breach("42")
    assert answer.status == 3
    assert other.host.git_saw, "git went there"
    assert set(other.host.git_saw) == {""}
    assert TOKEN not in answer.text


@ONE
def test_a_bad_token_in_git_is_told(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", "an0ther-s3cret")
    answer: Result = repo.breach("42")
    assert answer.status == 3
    assert "Authentication failed" in answer.err
    assert "an0ther" not in answer.text
