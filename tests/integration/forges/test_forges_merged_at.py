"""A stage is held from the moment at which its commit was merged, as the forge has it, however it was merged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.forge import Pull
from fakes.gitlab import FakeGitLab
from fakes.host import Answer, Request
from hosted_repositories import BRANCH, CHANGE, FAKES, Hosted, hosted, let_in

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges.local import LocalForge

pytestmark = pytest.mark.system

MERGED, LATER = "2026-11-19T08:30:00Z", "2026-11-20T09:00:00.5+02:00"
AT, AFTER = datetime(2026, 11, 19, 8, 30, tzinfo=UTC), datetime(2026, 11, 20, 7, 0, 0, 500_000, tzinfo=UTC)


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, tmp_path / "models.git") as place:
        place.host.now = MERGED
        yield place


def opened(place: Hosted, head: str = BRANCH, base: str = "main") -> Pull:
    return place.host.open(head, base, CHANGE.title, "", "ada")


def merged_at(place: Hosted, commit: str, base: str = "main") -> datetime | None:
    return place.connect().merged_at(commit, base)


def test_a_merge_commit_and_what_came_with_it(place: Hosted) -> None:
    own = [place.push(), place.push()]
    merge = place.host.merge(opened(place))
    assert merged_at(place, merge) == AT
    assert [merged_at(place, each) for each in own] == [None if place.kind == "gitea" else AT] * 2
    assert merged_at(place, place.host.git("rev-parse", f"{merge}^")) is None, "the base of before"


def test_a_squash(place: Hosted) -> None:
    own = place.push()
    assert merged_at(place, place.host.merge(opened(place), squash=True)) == AT
    assert place.host.branch("main") != own


def test_each_commit_of_a_rebase(place: Hosted) -> None:
    place.push("other")
    place.host.git("update-ref", "refs/heads/main", place.host.branch("other"))
    place.host.git("update-ref", f"refs/heads/{BRANCH}", place.host.git("rev-parse", "main^"))
    own = [place.push(), place.push()]
    last = place.host.merge(opened(place), rebase=True)
    first = place.host.git("rev-parse", f"{last}^")
    assert {first, last}.isdisjoint(own)
    assert merged_at(place, last) == AT
    assert merged_at(place, first) == (None if place.kind == "gitea" else AT)


def test_a_commit_that_no_pull_request_brought(place: Hosted) -> None:
    assert merged_at(place, place.host.branch("main")) is None
    assert merged_at(place, "1" * 40) is None, "it is not there"


def test_a_commit_of_one_that_is_open_or_closed(place: Hosted) -> None:
    commit = place.push()
    pull = opened(place)
    for pull.state in ("open", "closed"):
        assert merged_at(place, commit) is None


def test_of_several_that_one_counts_that_brought_it_onto_the_base(place: Hosted) -> None:
    """A stacked branch: first into another branch, then with that into the base, and once more after that."""
    start = place.host.branch("main")
    place.host.git("update-ref", "refs/heads/stack", start)
    place.host.git("update-ref", "refs/heads/late", start)
    commit = place.push()
    for base, moment in (("stack", "2026-11-18T00:00:00Z"), ("main", MERGED)):
        place.host.now = moment
        pull = opened(place, base=base)
        merge = place.host.merge(pull, squash=False)
        pull.landed = (*pull.landed, commit)
    again = opened(place)
    again.state, again.sha, again.merged_at, again.landed = "merged", commit, LATER, (commit,)
    expected = None if place.kind == "gitea" else AT
    assert merged_at(place, commit) == expected
    assert merged_at(place, commit, "late") is None
    assert merged_at(place, merge) == AT


def test_a_moment_is_told_in_utc(place: Hosted) -> None:
    place.push()
    place.host.now = LATER
    found = merged_at(place, place.host.merge(opened(place)))
    assert (found, found.tzinfo if found else None) == (AFTER, UTC)


def test_a_moment_that_is_none_is_an_outside_failure(place: Hosted) -> None:
    place.push()
    place.host.now = "yesterday"
    merge = place.host.merge(opened(place))
    with pytest.raises(UserError, match=f"{place.kind} did not say when a commit was merged") as caught:
        merged_at(place, merge)
    assert caught.value.status == 3


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_refused_is_an_error(place: Hosted, status: int) -> None:
    place.host.failures = [Answer(status, {"message": "Not here"})] * 2
    with pytest.raises(UserError, match=f"{place.kind} did not .*: {status} Not here") as caught:
        merged_at(place, place.host.branch("main"))
    assert caught.value.status == 3


@pytest.mark.parametrize("body", ["<html>", 7, {"x": 1}, [{"x": 1}], [7]])
def test_an_answer_that_is_none_of_this_api_is_an_error(place: Hosted, body: object) -> None:
    place.host.failures = [Answer(200, body)] * 9
    with pytest.raises(UserError, match=f"{place.kind} did not "):
        merged_at(place, place.host.branch("main"))


@pytest.mark.parametrize("place", ["gitlab"], indirect=True)
def test_in_gitlab_a_commit_that_is_not_there_is_no_missing_project(place: Hosted) -> None:
    assert isinstance(place.host, FakeGitLab)
    assert merged_at(place, "1" * 40) is None
    place.host.name = "acme/others"
    with pytest.raises(UserError, match="404 Project Not Found"):
        place.host.failures = [Answer(404, {"message": "404 Project Not Found"})]
        merged_at(place, "1" * 40)


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_pull_request_of_another_repository_is_none_of_ours(place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a fork's commit GitHub tells which pull request of the original brought it."""
    place.push()
    merge, real, told = place.host.merge(opened(place)), place.host.answer, {"full_name": "upstream/models"}

    def tell(request: Request, user: str) -> Answer:
        answer = real(request, user)
        for each in answer.body:
            each["base"]["repo"] |= told
        return answer

    monkeypatch.setattr(place.host, "answer", tell)
    assert merged_at(place, merge) is None
    told["full_name"] = "Acme/Models"
    assert merged_at(place, merge) == AT


def test_a_local_forge_says_what_its_files_say(tmp_path: Path) -> None:
    remote = tmp_path / "models.git"
    remote.mkdir()
    forge, head, merge = LocalForge(str(remote), lambda _, __: True), "1" * 40, "2" * 40
    assert forge.merged_at(head, "main") is None
    forge.ensure_pull_request(CHANGE, head, "main")
    assert forge.merged_at(head, "main") is None
    path = forge.folder / "1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mergedAt": LATER, "mergeSha": merge}))
    assert [forge.merged_at(each, "main") for each in (head, merge, "3" * 40)] == [AFTER, AFTER, None]
    assert forge.merged_at(head, "release") is None
    path.write_text(json.dumps({**json.loads(path.read_text()), "mergedAt": "yesterday"}))
    with pytest.raises(UserError, match=r"1\.json is not a pull request of a local forge: a time is RFC 3339"):
        forge.merged_at(head, "main")
