"""A status is set on the head of an open pull request and on nothing else, once, and never over a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.github import FakeGitHub
from fakes.gitlab import FakeGitLab
from fakes.statuses import CONTEXT
from hosted_repositories import BRANCH, FAKES, Hosted, hosted, let_in

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import Forge

pytestmark = pytest.mark.system


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        place.host.checks, place.host.required = "none", (CONTEXT,)
        yield place


def found(forge: Forge) -> PullRequest:
    pull = forge.find(BRANCH, "main")
    assert pull is not None
    return pull


def states(place: Hosted) -> list[tuple[str, str, str]]:
    return [(each.sha, each.context, each.state) for each in place.host.statuses]


def test_the_status_of_the_head_is_set_once(place: Hosted) -> None:
    forge, _, commit = place.opened()
    for _ in range(2):
        place.connect().attest(found(forge), commit, CONTEXT, "x" * 140)
    assert states(place) == [(commit, CONTEXT, "success")]
    assert (place.host.statuses[0].author, place.host.statuses[0].description) == ("release-bot", "x" * 140)


def test_with_the_status_it_is_merged_and_without_it_is_not(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    if not forge.attests_first:
        forge.enable_auto_merge(found(forge), commit)
    assert pull.state == "open"
    forge.attest(found(forge), commit, CONTEXT, "")
    if forge.attests_first:
        forge.enable_auto_merge(found(forge), commit)
    assert found(forge).state == "merged"


def test_a_status_of_another_commit_or_context_merges_nothing(place: Hosted) -> None:
    forge, pull, commit = place.opened()
    other = place.push()
    place.host.set_status(commit, CONTEXT, "success")
    place.host.set_status(other, "lint", "pending" if place.kind == "gitlab" else "success")
    if place.kind == "gitlab":
        place.host.set_status(other, "lint", "running")
    assert forge.enable_auto_merge(found(forge), other).state == "open"
    assert (pull.state, pull.armed) == ("open", other)


@pytest.mark.parametrize("change", ["moved", "draft", "closed", "retargeted"])
def test_what_changed_meanwhile_gets_no_status(place: Hosted, change: str) -> None:
    forge, pull, commit = place.opened()
    known = found(forge)
    match change:
        case "moved":
            place.push()
        case "draft":
            place.host.convert(pull, draft=True)
        case "closed":
            place.host.end(pull)
        case "retargeted":
            place.host.git("update-ref", "refs/heads/release", "refs/heads/main")
            pull.base = "release"
    says = {"moved": "not " + commit[:12], "draft": "is a draft", "closed": "is closed", "retargeted": "is for release"}
    with pytest.raises(UserError, match=f"{says[change]}.*: no status is set"):
        forge.attest(known, commit, CONTEXT, "")
    assert states(place) == []


@pytest.mark.parametrize("state", ["failure", "error"])
def test_a_failure_that_another_process_reports_stays(place: Hosted, state: str) -> None:
    forge, _, commit = place.opened()
    state = "failed" if place.kind == "gitlab" else state
    place.host.set_status(commit, CONTEXT, "pending")
    place.host.set_status(commit, CONTEXT, state)
    with pytest.raises(UserError, match=rf"(another process set the status .* to|has the status) `{state}`"):
        forge.attest(found(forge), commit, CONTEXT, "")
    assert len(place.host.statuses) == 2


def test_what_is_pending_becomes_a_success(place: Hosted) -> None:
    forge, _, commit = place.opened()
    place.host.set_status(commit, CONTEXT, "failed" if place.kind == "gitlab" else "failure")
    place.host.set_status(commit, CONTEXT, "pending")
    forge.attest(found(forge), commit, CONTEXT, "")
    assert states(place)[-1] == (commit, CONTEXT, "success")


@pytest.mark.parametrize("place", ["github", "gitea"], indirect=True)
def test_a_failure_behind_many_statuses_is_seen(place: Hosted) -> None:
    forge, _, commit = place.opened()
    for number in range(120):
        place.host.set_status(commit, f"ci/{number}", "success")
    context = CONTEXT.upper() if place.kind == "github" else CONTEXT
    place.host.set_status(commit, context, "failure")
    for number in range(120, 240):
        place.host.set_status(commit, f"ci/{number}", "success")
    with pytest.raises(UserError, match="another process set the status"):
        forge.attest(found(forge), commit, CONTEXT, "")


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_more_statuses_than_are_read_get_no_further_one(place: Hosted) -> None:
    forge, _, commit = place.opened()
    for number in range(1001):
        place.host.set_status(commit, f"ci/{number}", "success")
    with pytest.raises(UserError, match="has more than 1000 statuses"):
        forge.attest(found(forge), commit, CONTEXT, "")


@pytest.mark.parametrize("place", ["gitlab"], indirect=True)
def test_a_pipeline_that_failed_is_not_hidden_by_another_one(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitLab)
    place.host.checks = "failed"
    forge, _, commit = place.opened()
    with pytest.raises(UserError, match=r"a pipeline of .* has the status `failed`"):
        forge.attest(found(forge), commit, CONTEXT, "")
    assert states(place) == []


@pytest.mark.parametrize("place", ["gitlab"], indirect=True)
def test_a_pipeline_of_ci_must_pass_too(place: Hosted) -> None:
    place.host.checks = "pending"
    forge, pull, commit = place.opened()
    forge.attest(found(forge), commit, CONTEXT, "")
    assert forge.enable_auto_merge(found(forge), commit).auto_merge_enabled
    assert pull.state == "open"
    place.host.checks_pass()
    assert pull.state == "merged"


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_auto_merge_comes_first_because_pending_optional_checks_forbid_it_later(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.is_unstable = True
    forge, _, commit = place.opened()
    assert not forge.attests_first
    place.host.set_status(commit, CONTEXT, "success")
    with pytest.raises(UserError, match="is in unstable status"):
        forge.enable_auto_merge(found(forge), commit)


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_status_of_another_app_than_the_pinned_one_does_not_count(place: Hosted) -> None:
    place.host.pinned = {CONTEXT: "github-actions[bot]"}
    forge, pull, commit = place.opened()
    forge.enable_auto_merge(found(forge), commit)
    forge.attest(found(forge), commit, CONTEXT, "")
    assert (len(place.host.statuses), pull.state) == (1, "open")
    place.host.set_status(commit, CONTEXT, "success", "github-actions[bot]")
    assert pull.state == "merged"


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_token_without_the_permission_is_told(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    forge, _, commit = place.opened()
    place.host.scopes = None
    with pytest.raises(UserError, match="github did not show the statuses of the commit: 403"):
        forge.attest(found(forge), commit, CONTEXT, "")
    place.host.granted["statuses"] = "read"
    with pytest.raises(UserError, match="github did not set the status of the commit: 403"):
        forge.attest(found(forge), commit, CONTEXT, "")
    place.host.granted["statuses"] = "write"
    forge.attest(found(forge), commit, CONTEXT, "")
    assert len(states(place)) == 1
