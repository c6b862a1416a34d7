"""GitLab finds out in a while whether a merge request can be merged, and makes its pipeline a moment after the push."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.gitlab import FakeGitLab
from fakes.statuses import CONTEXT
from hosted_repositories import BRANCH, TOKEN, Hosted, hosted

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import Forge
from rollout_spec.integrations.forges.gitlab import client as gitlab

pytestmark = pytest.mark.system

LOOKS = 3


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    monkeypatch.setattr(gitlab, "PAUSES", (0,) * LOOKS)
    with hosted("gitlab", tmp_path / "models.git") as place:
        yield place


@pytest.fixture
def host(place: Hosted) -> FakeGitLab:
    assert isinstance(place.host, FakeGitLab)
    return place.host


def found(forge: Forge) -> PullRequest:
    pull = forge.find(BRANCH, "main")
    assert pull is not None
    return pull


@pytest.mark.parametrize("first", [["checking"], ["unchecked", "preparing"], []])
def test_a_pipeline_that_comes_late_is_waited_for(
    place: Hosted, host: FakeGitLab, monkeypatch: pytest.MonkeyPatch, first: list[str]
) -> None:
    host.checks, host.status = "none", list(first)
    forge, pull, commit = place.opened()
    monkeypatch.setattr("time.sleep", lambda _: host.status or setattr(host, "checks", "pending"))
    assert forge.enable_auto_merge(found(forge), commit).auto_merge_enabled
    assert (pull.state, pull.armed) == ("open", commit)


def test_a_pipeline_that_must_pass_and_comes_late_is_waited_for(
    place: Hosted, host: FakeGitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline of a status is one of the merge request only a moment after the status was set."""
    host.checks, host.required = "none", (CONTEXT,)
    forge, pull, commit = place.opened()
    monkeypatch.setattr("time.sleep", lambda _: host.statuses or host.set_status(commit, CONTEXT, "success"))
    assert forge.enable_auto_merge(found(forge), commit).state == "merged"
    assert pull.state == "merged"


def test_a_pipeline_that_comes_after_the_refusal_is_seen(
    place: Hosted, host: FakeGitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the refusal and the question why."""
    host.checks, host.required = "none", (CONTEXT,)
    forge, pull, commit = place.opened()
    merge = host._merge

    def refused_first(*request: Any) -> Any:
        answer = merge(*request)
        if not host.statuses:
            host.set_status(commit, CONTEXT, "success")
        return answer

    monkeypatch.setattr(host, "_merge", refused_first)
    assert forge.enable_auto_merge(found(forge), commit).state == "merged"
    assert pull.state == "merged"


def test_a_pipeline_that_must_pass_and_never_comes_is_named(place: Hosted, host: FakeGitLab) -> None:
    host.checks, host.required = "none", (CONTEXT,)
    forge, pull, commit = place.opened()
    with pytest.raises(UserError, match="did not enable auto-merge: 405") as caught:
        forge.enable_auto_merge(found(forge), commit)
    assert (caught.value.hint or "").startswith("GitLab reports the status `ci_must_pass`")
    assert pull.state == "open"


def test_where_no_pipeline_comes_it_is_merged_in_the_end(
    place: Hosted, host: FakeGitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept, sleep = list[float](), time.sleep

    def count(seconds: float) -> None:
        """Other threads, such as those of servers, sleep as they did."""
        if threading.current_thread() is threading.main_thread():
            slept.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr("time.sleep", count)
    host.checks = "none"
    forge, pull, commit = place.opened()
    assert forge.enable_auto_merge(found(forge), commit).state == "merged"
    assert (pull.state, len(slept)) == ("merged", LOOKS)


def test_what_stands_against_it_is_named(place: Hosted, host: FakeGitLab) -> None:
    forge, pull, commit = place.opened()
    host.status = ["not_approved"] * 10
    with pytest.raises(UserError, match="gitlab did not enable auto-merge: 405 405 Method Not Allowed") as caught:
        forge.enable_auto_merge(found(forge), commit)
    assert (caught.value.hint or "").startswith("GitLab reports the status `not_approved`")
    assert (pull.state, pull.armed, len(host.status)) == ("open", None, 9)


def test_a_head_that_moves_while_it_is_waited_is_not_merged(
    place: Hosted, host: FakeGitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.checks = "none"
    forge, pull, commit = place.opened()
    monkeypatch.setattr("time.sleep", lambda _: place.push())
    with pytest.raises(UserError, match="409 SHA does not match HEAD of source branch"):
        forge.enable_auto_merge(found(forge), commit)
    assert pull.state == "open"


def test_where_the_plan_has_one_reviewer_the_others_are_named(place: Hosted, host: FakeGitLab) -> None:
    host.most_reviewers = 1
    forge, pull, _ = place.opened()
    notes = forge.label_and_request_review(found(forge), ("rollback",), ("ada", "grace"))
    assert notes == ("`grace` was not asked for a review: GitLab refused it",)
    assert pull.people == ["ada"]


def test_reviewers_whom_a_person_asked_stay(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    pull.people = ["grace"]
    assert forge.label_and_request_review(found(forge), ("rollback",), ("ada",)) == ()
    assert pull.people == ["ada", "grace"]


def test_a_draft_by_another_name_is_one_and_is_made_ready(place: Hosted) -> None:
    forge, pull, _ = place.opened()
    pull.title = "[Draft] Draft: Roll back"
    assert found(forge).draft
    assert not forge.ready(found(forge)).draft
    assert pull.title == "Roll back"
