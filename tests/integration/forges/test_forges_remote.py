"""GitHub, GitLab and Gitea differ in spelling; what a rollback asks of them, and what it is told, is the same."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.host import Answer
from hosted_repositories import BRANCH, CHANGE, FAKES, TOKEN, Hosted, hosted, let_in

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, PullRequest
from rollout_spec.integrations.forges import Forge

pytestmark = pytest.mark.system


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        yield place


def found(forge: Forge) -> PullRequest:
    pull = forge.find(BRANCH, "main")
    assert pull is not None
    return pull


# find and ensure


def test_a_pull_request_is_opened_once_and_found(place: Hosted) -> None:
    forge = place.connect()
    assert forge.find(BRANCH, "main") is None
    commit = place.push()
    opened = forge.ensure_pull_request(CHANGE, commit, "main")
    assert (opened.number, opened.state, opened.head, opened.base, opened.head_sha) == (
        1,
        "open",
        BRANCH,
        "main",
        commit,
    )
    assert (opened.draft, opened.labels, opened.auto_merge_enabled) == (False, (), False)
    assert opened.url.startswith(f"{place.host.url}/acme/models/")
    again = place.connect()
    assert (
        again.ensure_pull_request(replace(CHANGE, title="Another", draft=True), commit, "main")
        == opened
        == again.find(BRANCH, "main")
    )
    (pull,) = place.host.pulls
    assert (pull.title, pull.body, pull.draft) == (CHANGE.title, CHANGE.body, False)


def test_a_draft_is_one_until_it_is_marked_ready(place: Hosted) -> None:
    forge, pull, commit = place.opened(draft=True)
    assert found(forge).draft
    for change in (replace(CHANGE, draft=True), CHANGE):
        assert place.connect().ensure_pull_request(change, commit, "main").draft
    title = pull.title
    for _ in range(2):
        assert not place.connect().ready(found(forge)).draft
        assert (found(place.connect()).draft, pull.draft, pull.title) == (False, False, CHANGE.title)
        assert place.connect().interventions(found(forge)) == Interventions()
    assert (title == CHANGE.title) == (place.kind == "github")


def test_one_that_is_closed_is_not_marked_ready(place: Hosted) -> None:
    forge, pull, _ = place.opened(draft=True)
    place.host.end(pull)
    forge.ready(found(forge))
    assert found(place.connect()).draft


def test_another_branch_or_base_is_another_pull_request(place: Hosted) -> None:
    forge, _, commit = place.opened()
    place.host.git("update-ref", "refs/heads/live", place.host.branch("main"))
    place.push(f"{BRANCH}-2")
    assert forge.ensure_pull_request(replace(CHANGE, branch=f"{BRANCH}-2"), commit, "main").number == 2
    assert forge.ensure_pull_request(CHANGE, commit, "live").number == 3
    assert found(forge).number == 1


def test_a_branch_of_a_fork_is_not_ours(place: Hosted) -> None:
    """Whoever may fork may open one with our branch's name, and close it: that is no person who said no."""
    commit = place.push()
    for _ in range(2):
        stranger = place.host.open(BRANCH, "main", "Mine", "", "mallory")
        stranger.fork, stranger.state, stranger.sha = True, "closed", commit
    forge = place.connect()
    assert forge.find(BRANCH, "main") is None
    assert forge.ensure_pull_request(CHANGE, commit, "main").number == 3


@pytest.mark.parametrize(
    ("states", "number"),
    [
        (("closed", "open"), 2),
        (("open", "closed"), 1),
        (("merged", "closed"), 1),
        (("closed", "merged", "closed"), 2),
        (("closed", "closed"), 2),
    ],
)
def test_an_open_one_comes_before_a_merged_one_before_a_closed_one(
    place: Hosted, states: tuple[str, ...], number: int
) -> None:
    commit = place.push()
    for state in states:
        pull = place.host.open(BRANCH, "main", CHANGE.title, "", "ada")
        pull.state, pull.sha = state, commit
    forge = place.connect()
    assert (found(forge).number, found(forge).state) == (number, states[number - 1])
    assert forge.ensure_pull_request(CHANGE, commit, "main").number == number, (
        "whatever its state, it is not opened again"
    )


def test_many_pages_are_looked_through(place: Hosted) -> None:
    commit = place.push()
    old = place.host.open(BRANCH, "main", CHANGE.title, "", "ada")
    old.state, old.sha = "closed", commit
    merged = place.host.open(BRANCH, "main", CHANGE.title, "", "ada")
    merged.state, merged.sha = "merged", commit
    for number in range(60):
        place.host.open(f"other-{number}", "main", "Other", "", "ada").sha = commit
    assert found(place.connect()).number == 2


def test_one_whose_branch_is_gone_is_found(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    place.host.head(pull)
    pull.state = "closed"
    place.host.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    assert (found(forge).state, found(forge).head_sha) == ("closed", commit)


@pytest.mark.parametrize("squash", [False, True])
def test_a_merged_one_says_which_commit_the_base_got(place: Hosted, squash: bool) -> None:
    forge, pull, commit = place.opened()
    merge = place.host.merge(pull, squash=squash)
    assert (found(forge).state, found(forge).head_sha, found(forge).merge_sha) == ("merged", commit, merge)
    assert place.host.branch("main") == merge


def test_of_two_at_once_one_opens_it(place: Hosted) -> None:
    """Neither finds one, both open one, and the forge refuses the second: it finds that of the first."""
    commit, start = place.push(), threading.Barrier(2)
    told: list[int] = []

    def open_one() -> None:
        forge = place.connect()
        assert forge.find(BRANCH, "main") is None
        start.wait()
        told.append(forge.ensure_pull_request(CHANGE, commit, "main").number)

    threads = [threading.Thread(target=open_one) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (told, len(place.host.pulls)) == ([1, 1], 1)


def test_one_that_appears_between_two_requests_is_adopted(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, forge = place.push(), place.connect()
    place.host.open(BRANCH, "main", CHANGE.title, "", "another-bot")
    looked: list[str] = []
    real = type(forge).find

    def blind_at_first(self: Forge, head: str, base: str) -> PullRequest | None:
        looked.append(head)
        return real(self, head, base) if len(looked) > 1 else None

    monkeypatch.setattr(type(forge), "find", blind_at_first)
    assert forge.ensure_pull_request(CHANGE, commit, "main").number == 1
    assert len(place.host.pulls) == 1


def test_a_branch_that_is_not_there_is_refused(place: Hosted) -> None:
    with pytest.raises(UserError, match=r"did not open the (pull|merge) request: 4") as caught:
        place.connect().ensure_pull_request(CHANGE, "1" * 40, "main")
    assert caught.value.status == 3


# mark and comment


def test_labels_and_reviewers_are_put_on_once(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    notes = forge.label_and_request_review(
        found(forge), CHANGE.labels, ("ada", "team-risk", "nobody", "@grace", "acme/no-team")
    )
    assert pull.labels == ["rollback", "rollout:fraud"]
    assert pull.people == ["ada", "grace"]
    unknown = ["nobody", "acme/no-team"] if place.kind != "gitlab" else ["team-risk", "nobody", "acme/no-team"]
    assert [note.split("`")[1] for note in notes] == unknown
    assert all("was not asked for a review: " in note for note in notes)
    assert pull.teams == ([] if place.kind == "gitlab" else ["team-risk"])
    pull.people.clear()  # a person who said that it is not for them
    assert found(forge).labels == ("rollback", "rollout:fraud")
    assert place.connect().label_and_request_review(found(forge), CHANGE.labels, CHANGE.reviewers) == ()
    assert pull.people == []


def test_labels_that_are_there_are_used(place: Hosted) -> None:
    place.host.labels += [f"label-{number}" for number in range(70)] + ["rollback"]
    forge, pull, _ = place.opened()
    forge.label_and_request_review(found(forge), CHANGE.labels, ())
    assert pull.labels == ["rollback", "rollout:fraud"]
    assert place.host.labels.count("rollback") == 1


def test_a_comment_is_written_once_and_edited(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    place.host.say(pull, "ada", "Is this real?")
    for text in ("It failed.", "It failed.", "It failed again."):
        place.connect().comment(found(forge), "breach", text)
    forge.comment(found(forge), "other", "More.")
    assert [each.author for each in pull.comments] == ["ada", "release-bot", "release-bot"]
    assert [each.body for each in pull.comments[1:]] == [
        "It failed again.\n\n<!-- rollout-spec: breach -->\n",
        "More.\n\n<!-- rollout-spec: other -->\n",
    ]
    edits = [request for request, _ in place.host.asked if request.verb in ("PATCH", "PUT")]
    assert len(edits) == 1, "what says the same is left alone"


@pytest.mark.parametrize("kind", ["body", "comment"])
def test_what_is_too_long_is_cut_and_says_so(place: Hosted, kind: str) -> None:
    limit = 65_536 if place.kind == "github" else 1_000_000
    long = "é" * (limit + 5)
    if kind == "body":
        forge, pull, _ = place.opened(body=f"{long}\n\n<!-- rollout-spec: rollback version=42 -->\n", title="T" * 400)
        text, marker = pull.body, "\n\n<!-- rollout-spec: rollback version=42 -->\n"
        assert pull.title == "T" * 249 + "…"
    else:
        forge, pull, _ = place.opened()
        for _ in range(2):
            forge.comment(found(forge), "long", long)
        (comment,) = pull.comments
        text, marker = comment.body, "\n\n<!-- rollout-spec: long -->\n"
    assert len(text) == limit
    assert text.endswith(f"\n\n*Cut here: the forge allows {limit} characters.*{marker}")


def test_a_long_label_is_cut_where_the_forge_wants_that(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    for _ in range(2):
        forge.label_and_request_review(found(forge), ("rollout:" + "x" * 60,), ())
    assert pull.labels == ["rollout:" + "x" * (60 if place.kind == "gitlab" else 42)]


# arm


def test_an_armed_one_merges_when_its_checks_pass(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    for _ in range(2):
        armed = place.connect().enable_auto_merge(found(forge), commit)
        assert (armed.auto_merge_enabled, armed.state) == (True, "open")
    assert (pull.state, pull.armed) == ("open", commit)
    place.host.checks_pass()
    assert (found(forge).state, found(forge).auto_merge_enabled) == ("merged", False)


def test_where_nothing_is_to_be_waited_for_it_is_merged(place: Hosted) -> None:
    forge, _, commit = place.opened()
    place.host.checks = "success"
    armed = forge.enable_auto_merge(found(forge), commit)
    assert (armed.state, armed.merge_sha) == ("merged", place.host.branch("main"))
    assert place.host.git("rev-parse", "main^2") == commit


@pytest.mark.parametrize("checks", ["pending", "success"])
def test_a_head_that_has_moved_is_not_armed(place: Hosted, checks: str) -> None:
    forge, pull, commit = place.opened()
    place.push()
    place.host.checks = checks
    with pytest.raises(UserError, match=r"did not (enable auto-merge|merge): \d*") as caught:
        forge.enable_auto_merge(found(forge), commit)
    assert caught.value.status == 3
    assert (pull.state, pull.armed) == ("open", None)


def test_a_draft_is_not_armed(place: Hosted) -> None:
    forge, pull, commit = place.opened(draft=True)
    with pytest.raises(UserError, match="did not enable auto-merge"):
        forge.enable_auto_merge(found(forge), commit)
    assert (pull.state, pull.armed) == ("open", None)


# What goes wrong


def test_what_passes_is_waited_for(place: Hosted) -> None:
    commit = place.push()
    later = {"Retry-After": "0"}
    place.host.failures = [Answer(status, {"message": "later"}, later) for status in (429, 502, 503, 500)]
    assert place.connect().ensure_pull_request(CHANGE, commit, "main").number == 1
    assert len(place.host.pulls) == 1


def test_what_does_not_pass_is_an_outside_failure(place: Hosted) -> None:
    place.host.failures = [Answer(503, {"message": "down for maintenance"})] * 20
    with pytest.raises(UserError, match=r"did not list (pull|merge) requests: 503 down for maintenance") as caught:
        place.connect().find(BRANCH, "main")
    assert caught.value.status == 3
    assert "run it again" in (caught.value.hint or "")
    assert len(place.host.failures) == 20 - 5, "it asks five times"


@pytest.mark.parametrize("seconds", ["86400", "Fri, 20 Nov 2099 10:00:00 GMT"])
def test_a_forge_that_wants_a_day_is_not_given_one(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    place.host.failures = [Answer(429, {"message": "slow down"}, {"Retry-After": seconds})]
    assert place.connect().find(BRANCH, "main") is None
    assert [each for each in slept if each > 1] == [15.0]


def test_a_server_that_is_not_there_is_an_outside_failure(place: Hosted) -> None:
    forge = place.connect()
    with hosted(place.kind, place.host.remote) as other:
        forge = other.connect()
    with pytest.raises(UserError, match="no answer") as caught:
        forge.find(BRANCH, "main")
    assert caught.value.status == 3


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, r"wrong, expired or revoked: check \$ROLLOUT_SPEC_TOKEN, \$"), (403, "needs"), (404, "forge.repository")],
)
def test_what_is_refused_says_what_is_missing(place: Hosted, status: int, hint: str) -> None:
    place.host.failures = [Answer(status, {"message": "Resource not accessible"})] * 2
    with pytest.raises(UserError, match=f"{place.kind} did not .*: {status} Resource not accessible") as caught:
        place.connect().find(BRANCH, "main")
    assert caught.value.status == 3
    assert re.search(hint, caught.value.hint or "")


def test_a_bad_token_is_refused(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", "an0ther-s3cret")
    with pytest.raises(UserError, match=": 401 ") as caught:
        place.connect().find(BRANCH, "main")
    assert "an0ther" not in str(caught.value)


def test_a_forge_that_says_the_token_back_is_not_quoted(place: Hosted) -> None:
    place.host.failures = [Answer(400, {"message": f"no such thing as {TOKEN}\x1b[31m" + "y" * 400})]
    with pytest.raises(UserError, match=r"no such thing as \*\*\* \[31my") as caught:
        place.connect().find(BRANCH, "main")
    assert TOKEN not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_answer_that_is_no_json_is_an_outside_failure(place: Hosted) -> None:
    place.host.failures = [Answer(502, None)] * 20
    with pytest.raises(UserError, match=r"502") as caught:
        place.connect().find(BRANCH, "main")
    assert caught.value.status == 3


@pytest.mark.parametrize("body", ["<html>", 7, {"x": 1}, [{"x": 1}], [7], [None], [[]], {"merged": True}])
def test_an_answer_that_is_none_of_this_api_is_an_outside_failure(place: Hosted, body: object) -> None:
    forge, commit = place.connect(), place.push()
    for action in (lambda: forge.find(BRANCH, "main"), lambda: forge.ensure_pull_request(CHANGE, commit, "main")):
        place.host.failures = [Answer(200, body)] * 9
        with pytest.raises(UserError, match=f"{place.kind} did not") as caught:
            action()
        assert caught.value.status == 3


@pytest.mark.parametrize("status", [301, 302, 307])
def test_the_token_does_not_follow_to_another_host(place: Hosted, status: int) -> None:
    with hosted(place.kind, place.host.remote) as other:
        elsewhere = other.base_url.replace("127.0.0.1", "localhost")
        place.host.failures = [Answer(status, None, {"Location": f"{elsewhere}/anything"})] * 9
        with pytest.raises(UserError, match=f"{place.kind} did not"):
            place.connect().find(BRANCH, "main")
        assert all(TOKEN not in str(request.headers) for request, _ in other.host.asked)
