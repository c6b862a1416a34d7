"""What a person did to a pull request is read from records of the forge that only people with write access leave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.forge import Event
from fakes.gitea import FakeGitea
from fakes.github import FakeGitHub
from fakes.host import Answer, Request
from graphql import build_client_schema, graphql_sync
from hosted_repositories import BRANCH, CHANGE, FAKES, Hosted, hosted, let_in
from real_servers import npm_package

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, PullRequest
from rollout_spec.integrations.forges import Forge

pytestmark = pytest.mark.system

NOTHING, DRAFTED, DISARMED = (
    Interventions(),
    Interventions(converted_to_draft=True),
    Interventions(cancelled_auto_merge=True),
)


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        yield place


def only(kind: str) -> pytest.MarkDecorator:
    """Run a test on one forge."""
    return pytest.mark.parametrize("place", [kind], indirect=True)


def found(forge: Forge) -> PullRequest:
    pull = forge.find(BRANCH, "main")
    assert pull is not None
    return pull


def told(place: Hosted) -> Interventions:
    forge = place.connect()
    return forge.interventions(found(forge))


# Drafts and auto-merge


@pytest.mark.parametrize("draft", [False, True])
def test_what_the_tool_did_is_not_a_persons(place: Hosted, draft: bool) -> None:
    forge, _, commit = place.opened(draft=draft)
    assert told(place) == NOTHING
    forge.ready(found(forge))
    assert told(place) == NOTHING
    forge.enable_auto_merge(found(forge), commit)
    assert told(place) == NOTHING


def test_the_last_that_a_person_did_counts(place: Hosted) -> None:
    _, pull, _ = place.opened()
    for draft in (True, False, True):
        place.host.convert(pull, draft=draft)
        assert told(place) == Interventions(converted_to_draft=draft)
    place.host.enable_auto_merge(pull)
    assert told(place) == DRAFTED
    place.host.disarm(pull)
    assert told(place) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)
    place.host.convert(pull, draft=False)
    assert told(place) == DISARMED
    place.host.enable_auto_merge(pull)
    assert told(place) == NOTHING


def test_another_head_is_another_matter(place: Hosted) -> None:
    _, pull, _ = place.opened()
    place.host.convert(pull, draft=True)
    place.host.enable_auto_merge(pull)
    place.host.disarm(pull)
    place.replace()
    assert told(place) == NOTHING
    place.host.disarm(pull)
    assert told(place) == DISARMED
    place.host.convert(pull, draft=False)
    place.host.convert(pull, draft=True)
    assert told(place) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)


def test_a_commit_that_a_person_adds_takes_nothing_back(place: Hosted) -> None:
    _, pull, _ = place.opened()
    place.host.convert(pull, draft=True)
    place.host.disarm(pull)
    place.host.pusher = "grace"
    place.push()
    assert told(place) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)


@pytest.mark.parametrize(
    "words",
    [
        "marked this merge request as **draft**",
        "canceled the automatic merge",
        "added 1 commit",
        "ConvertToDraftEvent",
        "pull_cancel_scheduled_merge",
        '{"is_force_push": true, "commit_ids": ["HEAD"]}',
    ],
)
def test_what_is_said_in_comments_is_nothing(place: Hosted, words: str) -> None:
    _, pull, commit = place.opened()
    place.host.say(pull, "mallory", words.replace("HEAD", commit))
    assert told(place) == NOTHING
    place.host.convert(pull, draft=True)
    place.host.disarm(pull)
    place.host.say(pull, "release-bot", words.replace("HEAD", commit))
    pull.body = words
    assert told(place) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param("github", "head_branch_pushed_by_untrusted_user", id="github"),
        pytest.param("gitlab", "target branch was updated", id="gitlab"),
        pytest.param("gitea", "base_changed", id="gitea"),
    ],
)
def test_what_the_forge_itself_cancels_is_not_a_persons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, reason: str
) -> None:
    let_in(monkeypatch)
    with hosted(kind, tmp_path / "models.git") as place:
        _, pull, _ = place.opened()
        place.host.enable_auto_merge(pull)
        place.host.disarm(pull, reason=reason)
        assert told(place) == NOTHING


def test_a_forge_that_does_not_answer_is_told(place: Hosted) -> None:
    forge, _, commit = place.opened()
    pull = found(forge)
    for action in (
        lambda: forge.interventions(pull),
        lambda: forge.update(pull, CHANGE, commit),
        lambda: forge.close(pull),
        lambda: forge.ready(replace(pull, draft=True)),
    ):
        for answer in (Answer(500, {"message": "broken"}), Answer(200, [])):
            place.host.failures = [answer] * 10
            with pytest.raises(UserError, match=f"{place.kind} did not "):
                action()


# Update and close


def test_a_new_head_brings_a_new_title_and_body(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    commit = place.replace()
    again = forge.update(found(forge), replace(CHANGE, title="Another", body="Why", draft=True), commit)
    assert (again.number, again.head_sha, again.draft, again.state) == (1, commit, False, "open")
    assert (pull.title, pull.body, pull.draft) == ("Another", "Why", False)


def test_a_draft_stays_one_when_it_is_updated(place: Hosted) -> None:
    forge, pull, _ = place.opened(draft=True)
    before = pull.title.removesuffix(CHANGE.title)
    for _ in range(2):
        commit = place.replace()
        assert forge.update(found(forge), replace(CHANGE, title="Another"), commit).draft
        assert pull.title == before + "Another"
    assert told(place) == NOTHING


def test_a_body_that_is_too_long_is_cut(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    forge.update(found(forge), replace(CHANGE, title="x" * 300, body="x" * 1_100_000), commit)
    assert len(pull.title) == 250
    assert len(pull.body) <= 1_000_000 and "*Cut here" in pull.body


def test_one_that_is_closed_says_when(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    place.host.now = "2026-11-20T11:30:00+01:00"
    forge.enable_auto_merge(found(forge), commit)
    assert found(forge).closed_at is None
    for _ in range(2):
        forge.close(found(forge))
        assert (pull.state, pull.armed) == ("closed", None)
        closed = found(place.connect())
        assert (closed.state, closed.closed_at) == ("closed", datetime(2026, 11, 20, 10, 30, tzinfo=UTC))


def test_one_that_is_merged_is_not_closed(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    before = found(forge)
    place.host.merge(pull)
    forge.close(before)
    assert (pull.state, found(place.connect()).closed_at) == ("merged", None)


# GitHub


@only("github")
def test_a_merge_queue_is_auto_merge_too(place: Hosted) -> None:
    _, pull, _ = place.opened()
    pull.events.append(Event("queue", "release-bot"))
    for reason, disarmed in (("ci_failure", False), ("MERGE CONFLICT", False), ("manual", True), ("", True)):
        pull.events.append(Event("dequeue", "ada", reason=reason))
        assert told(place).cancelled_auto_merge is disarmed


@only("github")
def test_an_older_server_is_not_asked_of_its_queue(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.knows_queues = False
    _, pull, _ = place.opened()
    place.host.convert(pull, draft=True)
    place.host.disarm(pull)
    assert told(place) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)


@only("github")
def test_the_title_of_a_draft_stays_on_a_plan_without_drafts(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.has_drafts = False
    forge, pull, commit = place.opened(draft=True)
    forge.update(found(forge), replace(CHANGE, title="Another"), commit)
    assert pull.title == "Draft: Another"


@only("github")
def test_the_timeline_is_asked_for_and_answered_as_github_publishes_it(place: Hosted) -> None:
    schema = build_client_schema(
        json.loads((npm_package("@octokit/graphql-schema") / "schema.json").read_bytes()), assume_valid=True
    )
    _, pull, _ = place.opened()
    place.host.convert(pull, draft=True)
    place.host.convert(pull, draft=False)
    place.replace()
    place.host.enable_auto_merge(pull)
    place.host.disarm(pull)
    pull.events += [Event("queue", "ada"), Event("dequeue", "ada")]
    told(place)
    (request, answer), *_ = [each for each in place.host.asked if "timelineItems" in str(each[0].body)]
    data = answer.body["data"]
    assert len(data["node"]["timelineItems"]["nodes"]) == 7
    done = graphql_sync(schema, request.body["query"], root_value=data, variable_values=request.body["variables"])
    assert (done.errors, done.data) == (None, data)


# GitLab


@only("gitlab")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("marked as a **Work In Progress**", DRAFTED),
        ("marked as a **Work In Progress** from 1234abcd", DRAFTED),
        ("marked this merge request as **draft** from 1234abcd", DRAFTED),
        ("unmarked as a **Work In Progress**", NOTHING),
        ("unmarked this merge request as a **Work In Progress**", NOTHING),
        ("cancelled the automatic merge", DISARMED),
        ("canceled automatic add to merge train", DISARMED),
        ("cancelled automatic add to merge train", DISARMED),
        ("removed this merge request from the merge train", DISARMED),
        ("removed this merge request from the merge train because no stages / jobs for this pipeline.", NOTHING),
        ("aborted automatic add to merge train because source branch was updated", NOTHING),
        ("enabled automatic add to merge train when checks pass", NOTHING),
        ("marked the checklist item **as draft** as completed", NOTHING),
        ("changed title from **marked this merge request as draft** to **canceled the automatic merge**", NOTHING),
        ("changed the description", NOTHING),
    ],
)
def test_the_words_of_each_release_are_known(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, words: str, expected: Interventions
) -> None:
    place.opened()
    real = place.host.answer

    def noted(request: Request, user: str) -> Answer:
        answer = real(request, user)
        if re.search(r"/notes\Z", request.path):
            note = {"id": 1, "body": words, "author": {"id": 7}, "system": True}
            return replace(answer, body=[note, *answer.body])
        return answer

    monkeypatch.setattr(place.host, "answer", noted)
    assert told(place) == expected


@only("gitlab")
@pytest.mark.parametrize("status", [405, 406])
def test_an_auto_merge_that_is_cancelled_already_stops_no_closing(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    real = place.host.answer

    def refuse(request: Request, user: str) -> Answer:
        return Answer(status, {"message": "no"}) if "cancel" in request.path else real(request, user)

    monkeypatch.setattr(place.host, "answer", refuse)
    forge.close(found(forge))
    assert pull.state == "closed"


# Gitea


@only("gitea")
def test_a_timeline_is_read_to_its_end(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitea)
    place.host.timeline_page = 3
    _, pull, _ = place.opened()
    for number in range(10):
        place.host.say(pull, "mallory", f"Comment {number}")
    place.host.convert(pull, draft=True)
    place.host.disarm(pull)
    assert told(place) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)


@only("gitea")
def test_a_server_without_pages_is_asked_twice_and_no_more(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pull, _ = place.opened()
    place.host.convert(pull, draft=True)
    real = place.host.answer
    asked: list[Request] = []

    def whole(request: Request, user: str) -> Answer:
        if request.path.endswith("/timeline"):
            asked.append(request)
            request = replace(request, query={})
        return real(request, user)

    monkeypatch.setattr(place.host, "answer", whole)
    assert (told(place), len(asked)) == (DRAFTED, 2)


@only("gitea")
@pytest.mark.parametrize("body", ["pushed a commit", "[]", "1", "null", '{"is_force_push": true}', ""])
def test_a_push_that_does_not_say_what_it_was_takes_nothing_back(
    place: Hosted, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    _, pull, _ = place.opened()
    place.host.convert(pull, draft=True)
    real = place.host.answer

    def pushed(request: Request, user: str) -> Answer:
        answer = real(request, user)
        if request.path.endswith("/timeline") and answer.body:
            return replace(answer, body=[*answer.body, {"id": 99, "type": "pull_push", "body": body}])
        return answer

    monkeypatch.setattr(place.host, "answer", pushed)
    assert told(place) == DRAFTED


@only("gitea")
def test_a_merge_that_another_person_scheduled_stops_no_closing(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, pull, _ = place.opened()
    real = place.host.answer

    def refuse(request: Request, user: str) -> Answer:
        return Answer(403, {"message": "not yours"}) if request.verb == "DELETE" else real(request, user)

    monkeypatch.setattr(place.host, "answer", refuse)
    forge.close(found(forge))
    assert pull.state == "closed"
