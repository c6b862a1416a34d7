"""A held pull request cannot merge by itself: it is a draft, without auto-merge, and in no merge queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.github import FakeGitHub
from fakes.host import Answer, Request
from hosted_repositories import BRANCH, CHANGE, FAKES, Hosted, hosted, let_in

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import Forge

pytestmark = pytest.mark.system


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        yield place


def only(*kinds: str) -> pytest.MarkDecorator:
    """Run a test on some forges."""
    return pytest.mark.parametrize("place", kinds, indirect=True)


def found(forge: Forge) -> PullRequest:
    pull = forge.find(BRANCH, "main")
    assert pull is not None
    return pull


def writes(place: Hosted) -> int:
    """Count the requests that ask for a change."""
    return sum(
        each.verb != "GET" and (each.path != "/api/graphql" or "mutation" in each.body["query"])
        for each, _ in place.host.asked
    )


def test_auto_merge_is_cancelled_and_it_is_a_draft(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    assert pull.armed == commit
    held = forge.hold(found(forge))
    assert (held.state, held.draft, held.auto_merge_enabled, held.head_sha) == ("open", True, False, commit)
    place.host.checks_pass()
    assert pull.state == "open" and pull.armed is None
    before = writes(place)
    again = place.connect().hold(found(forge))
    assert (again.draft, again.auto_merge_enabled, writes(place) - before) == (True, False, place.kind == "gitea")
    assert pull.title.removeprefix(place.host.draft_prefix) == CHANGE.title


def test_one_that_is_not_armed_becomes_a_draft(place: Hosted) -> None:
    forge, _, _ = place.opened()
    assert forge.hold(found(forge)).draft
    assert found(place.connect()).draft


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_one_that_ended_meanwhile_stays_as_it_is(place: Hosted, state: str) -> None:
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    before = found(forge)
    if state == "merged":
        place.host.checks_pass()
    else:
        place.host.end(pull)
    title, asked = pull.title, writes(place)
    held = forge.hold(before)
    assert (held.state, pull.state, pull.title, writes(place)) == (state, state, title, asked)


def test_a_long_title_is_cut(place: Hosted) -> None:
    forge, pull, _ = place.opened(title="x" * 250)
    assert forge.hold(found(forge)).draft and len(pull.title) <= 250


def test_a_forge_that_does_not_answer_is_an_error(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    before = found(forge)
    for answer in (Answer(500, {"message": "broken"}), Answer(200, [])):
        place.host.failures = [answer] * 10
        with pytest.raises(UserError, match=f"{place.kind} did not "):
            forge.hold(before)
        assert pull.armed == commit
        place.host.failures = []
    assert forge.hold(before).draft and pull.armed is None


def refuse(place: Hosted, monkeypatch: pytest.MonkeyPatch, wanted: str, *, after: bool = False) -> None:
    """Let the forge refuse one kind of request; ``after``: although it does what is asked."""
    real = place.host.answer

    def answer(request: Request, user: str) -> Answer:
        asked = f"{request.verb} {request.path} {request.body}"
        if wanted not in asked:
            return real(request, user)
        if after:
            real(request, user)
        return Answer(403, {"message": "you may not"})

    monkeypatch.setattr(place.host, "answer", answer)


CANCELS = {"github": "disablePullRequestAutoMerge", "gitlab": "cancel_merge", "gitea": "DELETE"}


@only("github", "gitlab")
def test_a_refusal_is_an_error_if_it_is_still_armed(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    refuse(place, monkeypatch, CANCELS[place.kind])
    with pytest.raises(UserError, match="you may not"):
        forge.hold(found(forge))
    assert found(forge).draft and pull.armed == commit


def test_a_refusal_is_no_error_if_nothing_is_armed(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    refuse(place, monkeypatch, CANCELS[place.kind], after=True)
    assert forge.hold(found(forge)).draft and pull.armed is None


@only("gitea")
def test_a_merge_that_another_person_scheduled_does_not_come(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, pull, _ = place.opened()
    place.host.enable_auto_merge(pull, "ada")
    refuse(place, monkeypatch, CANCELS["gitea"])
    assert forge.hold(found(forge)).draft and pull.title == f"WIP: {CHANGE.title}"


@only("github")
def test_it_leaves_the_merge_queue(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.has_queue, place.host.checks = True, "success"
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    assert place.host.queue == [pull.number]
    with monkeypatch.context() as patch:
        refuse(place, patch, "dequeuePullRequest")
        with pytest.raises(UserError, match="you may not"):
            forge.hold(found(forge))
    assert place.host.queue == [pull.number] and pull.draft
    assert forge.hold(found(forge)).draft and place.host.queue == []


@only("github")
def test_a_server_without_merge_queues_is_not_asked_to_leave_one(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.knows_queues = False
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    assert forge.hold(found(forge)).draft and pull.armed is None
    assert not any("dequeue" in str(each.body) for each, _ in place.host.asked)


@only("github")
def test_a_plan_without_drafts_marks_the_title(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.has_drafts = False
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    for _ in range(2):
        assert not forge.hold(found(forge)).auto_merge_enabled
        assert (pull.title, pull.armed) == (f"Draft: {CHANGE.title}", None)
    forge.update(found(forge), replace(CHANGE, title="Another"), commit)
    assert pull.title == "Draft: Another"
