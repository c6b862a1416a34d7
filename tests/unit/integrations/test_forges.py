"""A bare repository on disk is a forge: pull request N is a file beside it, and a person may edit that."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges import FORGES, Access, connect
from rollout_spec.integrations.forges.local import LocalForge

CHANGE = ProposedChange(
    branch="rollback/acme/fraud/42",
    message="Roll back\n",
    edits={},
    date=datetime(2026, 11, 20, tzinfo=UTC),
    title="Roll back fraud",
    body="# Why\n\né 漢 | `x`\n",
    labels=("rollback", "rollout:fraud"),
    reviewers=("team-risk",),
)
HEAD, OTHER = "1" * 40, "2" * 40


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The bare repository; the forge looks at nothing in it."""
    (tmp_path / "remote.git").mkdir()
    return tmp_path / "remote.git"


def forge(place: Path, merged: tuple[str, ...] = ()) -> LocalForge:
    return LocalForge(str(place), lambda branch, commit: branch == "main" and commit in merged)


def written(place: Path, number: int = 1) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(f"{place}.pulls/{number}.json").read_text("utf-8"))
    return data


def edit(place: Path, number: int, **fields: Any) -> None:
    Path(f"{place}.pulls/{number}.json").write_text(json.dumps(written(place, number) | fields), "utf-8")


def test_a_pull_request_is_a_file_beside_the_repository(place: Path) -> None:
    opened = forge(place).ensure_pull_request(replace(CHANGE, draft=True), HEAD, "main")
    assert opened == PullRequest(
        1, f"{place}.pulls/1.json", "open", CHANGE.branch, "main", HEAD, True, ("rollback", "rollout:fraud")
    )
    assert written(place) == {
        "number": 1,
        "state": "open",
        "draft": True,
        "title": "Roll back fraud",
        "body": "# Why\n\né 漢 | `x`\n",
        "head": CHANGE.branch,
        "headSha": HEAD,
        "base": "main",
        "labels": ["rollback", "rollout:fraud"],
        "reviewers": ["team-risk"],
        "autoMerge": False,
        "automation": {"head": HEAD, "draft": True, "armed": False},
    }
    assert "é 漢" in Path(f"{place}.pulls/1.json").read_text("utf-8"), "a person reads it"


def test_an_armed_one_says_so(place: Path) -> None:
    opened = forge(place).ensure_pull_request(replace(CHANGE, auto_merge=True), HEAD, "main")
    assert (opened.auto_merge_enabled, written(place)["autoMerge"]) == (False, False)
    for _ in range(2):
        assert forge(place).enable_auto_merge(opened, HEAD).auto_merge_enabled
        assert written(place)["autoMerge"] is True


def test_one_that_has_moved_on_is_not_armed(place: Path) -> None:
    opened = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    with pytest.raises(UserError, match=r"1\.json was not enabled: its branch has moved"):
        forge(place).enable_auto_merge(opened, OTHER)
    assert written(place)["autoMerge"] is False


def test_a_draft_is_one_until_it_is_marked_ready(place: Path) -> None:
    opened = forge(place).ensure_pull_request(replace(CHANGE, draft=True), HEAD, "main")
    for change in (replace(CHANGE, draft=True), CHANGE):
        assert forge(place).ensure_pull_request(change, HEAD, "main").draft
    for _ in range(2):
        assert not forge(place).ready(opened).draft
        assert written(place)["draft"] is False


@pytest.mark.parametrize("state", ["closed", "merged"])
def test_one_that_is_not_open_is_not_marked_ready_or_closed(place: Path, state: str) -> None:
    opened = forge(place).ensure_pull_request(replace(CHANGE, draft=True), HEAD, "main")
    edit(place, 1, state=state)
    before = written(place)
    assert forge(place).ready(opened).draft
    forge(place).close(opened)
    assert written(place) == before


# What a person did to it


def test_what_the_tool_did_is_not_a_persons(place: Path) -> None:
    ours = forge(place)
    opened = ours.ensure_pull_request(replace(CHANGE, draft=True), HEAD, "main")
    assert ours.interventions(opened) == Interventions()
    ours.ready(opened)
    assert ours.interventions(opened) == Interventions()
    ours.enable_auto_merge(opened, HEAD)
    assert ours.interventions(opened) == Interventions()


def test_a_draft_that_a_person_made_is_one_until_the_next_head(place: Path) -> None:
    ours = forge(place)
    opened = ours.ensure_pull_request(CHANGE, HEAD, "main")
    ours.enable_auto_merge(opened, HEAD)
    assert ours.interventions(opened) == Interventions(), "to enable auto-merge makes no draft"
    edit(place, 1, draft=True)
    assert ours.interventions(opened) == Interventions(converted_to_draft=True)
    assert ours.update(opened, CHANGE, OTHER).draft
    assert ours.interventions(opened) == Interventions()


def test_an_auto_merge_that_a_person_cancelled_stays_so_until_the_next_head(place: Path) -> None:
    ours = forge(place)
    opened = ours.ensure_pull_request(CHANGE, HEAD, "main")
    ours.enable_auto_merge(opened, HEAD)
    edit(place, 1, autoMerge=False, draft=True)
    assert ours.interventions(opened) == Interventions(converted_to_draft=True, cancelled_auto_merge=True)
    ours.ready(opened)
    assert ours.interventions(opened) == Interventions(cancelled_auto_merge=True), "to mark it ready enables nothing"
    assert not ours.update(opened, CHANGE, OTHER).auto_merge_enabled
    assert ours.interventions(opened) == Interventions()


def test_a_file_of_an_older_release_leaves_a_draft_to_people(place: Path) -> None:
    opened = forge(place).ensure_pull_request(replace(CHANGE, draft=True), HEAD, "main")
    data = written(place)
    for old in ({}, {"automation": {"head": OTHER, "draft": True, "armed": True}}):
        path = Path(f"{place}.pulls/1.json")
        path.write_text(json.dumps({key: data[key] for key in data if key != "automation"} | old), "utf-8")
        assert forge(place).interventions(opened) == Interventions(converted_to_draft=True)
        edit(place, 1, draft=False)
        assert forge(place).interventions(opened) == Interventions()
        data = written(place) | {"draft": True}


@pytest.mark.parametrize("record", ["none", [], 1, None])
def test_a_record_that_is_none_is_told(place: Path, record: object) -> None:
    opened = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    edit(place, 1, automation=record)
    with pytest.raises(UserError, match=r"1\.json is not a pull request of a local forge"):
        forge(place).interventions(opened)


def test_a_new_head_brings_a_new_title_and_body(place: Path) -> None:
    ours = forge(place)
    opened = ours.ensure_pull_request(CHANGE, HEAD, "main")
    ours.enable_auto_merge(opened, HEAD)
    again = ours.update(opened, replace(CHANGE, title="Another", body="Why\n", draft=True), OTHER)
    assert (again.head_sha, again.draft, again.auto_merge_enabled) == (OTHER, False, True)
    data = written(place)
    assert (data["title"], data["body"], data["headSha"]) == ("Another", "Why\n", OTHER)
    assert data["automation"] == {"head": OTHER, "draft": False, "armed": True}


def test_one_that_is_closed_says_when(place: Path) -> None:
    ours = forge(place)
    opened = ours.ensure_pull_request(CHANGE, HEAD, "main")
    ours.enable_auto_merge(opened, HEAD)
    before = datetime.now(UTC).replace(microsecond=0)
    ours.close(opened)
    first = ours.find(CHANGE.branch, "main")
    assert first is not None and first.closed_at is not None
    assert (first.state, first.auto_merge_enabled) == ("closed", False)
    assert before <= first.closed_at <= datetime.now(UTC)
    assert written(place)["automation"]["armed"] is False
    edit(place, 1, closedAt="2026-11-20T10:00:00+01:00")
    ours.close(opened)
    again = ours.find(CHANGE.branch, "main")
    assert again is not None
    assert again.closed_at == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize("moment", [None, "", "yesterday", "2026-11-20T10:00:00", 1763632800, ["2026"]])
def test_a_time_of_closing_that_is_none_is_not_known(place: Path, moment: object) -> None:
    forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    edit(place, 1, state="closed", closedAt=moment)
    found = forge(place).find(CHANGE.branch, "main")
    assert found is not None
    assert (found.state, found.closed_at) == ("closed", None)


def test_one_that_is_merged_says_with_which_commit(place: Path) -> None:
    ours = forge(place)
    opened = ours.ensure_pull_request(CHANGE, HEAD, "main")
    moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
    merged = ours.merged(opened, HEAD, OTHER, moment)
    assert (merged.state, merged.merge_sha, merged.closed_at) == ("merged", OTHER, None)
    assert ours.find(CHANGE.branch, "main") == merged
    assert ours.merged_at(OTHER, "main") == moment


def test_labels_and_reviewers_are_added_to_what_is_there(place: Path) -> None:
    opened = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    before = written(place)
    assert forge(place).label_and_request_review(opened, CHANGE.labels, CHANGE.reviewers) == ()
    assert written(place) == before
    forge(place).label_and_request_review(opened, ("night", "rollback"), ("ada",))
    assert written(place)["labels"] == ["rollback", "rollout:fraud", "night"]
    assert written(place)["reviewers"] == ["team-risk", "ada"]


def test_a_comment_is_written_once_and_edited(place: Path) -> None:
    opened = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    for text in ("It failed.", "It failed.", "It failed again."):
        forge(place).comment(opened, "breach", text)
    forge(place).comment(opened, "other", "More.")
    assert written(place)["comments"] == [
        "It failed again.\n\n<!-- rollout-spec: breach -->\n",
        "More.\n\n<!-- rollout-spec: other -->\n",
    ]


def test_nothing_is_there_before_one_is_opened(place: Path) -> None:
    assert forge(place).find(CHANGE.branch, "main") is None
    assert not Path(f"{place}.pulls").exists()


def test_opened_twice_it_is_opened_once(place: Path) -> None:
    first = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    again = forge(place).ensure_pull_request(replace(CHANGE, title="Another", draft=True), OTHER, "main")
    assert again == first == forge(place).find(CHANGE.branch, "main")
    assert written(place)["title"] == "Roll back fraud"


def test_another_branch_or_base_is_another_pull_request(place: Path) -> None:
    ours = forge(place)
    numbers = [
        ours.ensure_pull_request(CHANGE, HEAD, "main").number,
        ours.ensure_pull_request(replace(CHANGE, branch="rollback/acme/fraud/42-2"), HEAD, "main").number,
        ours.ensure_pull_request(CHANGE, HEAD, "live").number,
    ]
    assert numbers == [1, 2, 3]
    assert ours.find(CHANGE.branch, "elsewhere") is None


def test_numbers_go_on_behind_the_highest(place: Path) -> None:
    folder = Path(f"{place}.pulls")
    folder.mkdir()
    for name in ("9.json", "10.json"):
        (folder / name).write_text(json.dumps({"state": "closed", "head": "x", "base": "main", "headSha": HEAD}))
    for name in ("011.json", "٣.json", "notes.json", "12.txt", ".13.json", "-1.json"):
        (folder / name).write_text("junk")
    assert forge(place).ensure_pull_request(CHANGE, HEAD, "main").number == 11


def test_one_whose_commit_the_base_holds_is_merged(place: Path) -> None:
    forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    for merged, state in (((), "open"), ((OTHER,), "open"), ((HEAD,), "merged")):
        found = forge(place, merged).find(CHANGE.branch, "main")
        assert found is not None
        assert found.state == state


@pytest.mark.parametrize(
    ("states", "found"),
    [
        (("closed", "open", "merged"), 2),
        (("merged", "closed"), 1),
        (("closed", "merged"), 2),
        (("open", "open"), 2),
        (("closed", "closed"), 2),
        (("unheard-of", "closed"), 2),
    ],
)
def test_an_open_one_comes_before_a_merged_one_before_a_closed_one(
    place: Path, states: tuple[str, ...], found: int
) -> None:
    ours = forge(place)
    for number, _ in enumerate(states, 1):
        ours.ensure_pull_request(replace(CHANGE, branch=f"b{number}"), HEAD, "main")
    for number, state in enumerate(states, 1):
        edit(place, number, state=state, head=CHANGE.branch)
    newest = ours.find(CHANGE.branch, "main")
    assert newest is not None
    assert newest.number == found
    assert ours.ensure_pull_request(CHANGE, HEAD, "main") == newest, "whatever its state, it is not opened again"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"state": "open"}', '{"state": "open", "head": "h", "base": "b"}', "\udcff"],
)
def test_a_file_that_is_no_pull_request_says_which(place: Path, content: str) -> None:
    Path(f"{place}.pulls").mkdir()
    Path(f"{place}.pulls/1.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert forge(place).find(CHANGE.branch, "main") is None, "it keeps nobody from a pull request"
    with pytest.raises(UserError, match=r"remote\.git\.pulls/1\.json is not a pull request of a local forge"):
        forge(place).read(1)


def test_of_many_at_once_one_is_opened(place: Path) -> None:
    found: list[PullRequest] = []
    start = threading.Barrier(12)

    def open_one() -> None:
        start.wait()
        found.append(forge(place).ensure_pull_request(CHANGE, HEAD, "main"))

    threads = [threading.Thread(target=open_one) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.number for each in found] == [1] * 12
    assert sorted(path.name for path in Path(f"{place}.pulls").iterdir()) == [".lock", "1.json"]


def test_a_held_pull_request_is_a_draft_without_auto_merge_and_no_person_changed_it(place: Path) -> None:
    pull = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    forge(place).enable_auto_merge(pull, HEAD)
    for _ in range(2):
        held = forge(place).hold(pull)
        assert (held.state, held.draft, held.auto_merge_enabled) == ("open", True, False)
        assert forge(place).interventions(held) == Interventions()
    assert forge(place).ready(held).draft is False


def test_a_process_that_saw_it_before_the_hold_enables_no_auto_merge(place: Path) -> None:
    before = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    forge(place).hold(before)
    with pytest.raises(UserError, match="it is a draft"):
        forge(place).enable_auto_merge(before, HEAD)
    assert written(place)["autoMerge"] is False


def test_a_merged_pull_request_is_not_held(place: Path) -> None:
    pull = forge(place).ensure_pull_request(CHANGE, HEAD, "main")
    before = written(place)
    held = forge(place, (HEAD,)).hold(pull)
    assert (held.state, held.draft, written(place)) == ("merged", False, before)


@pytest.mark.parametrize("url", [str, lambda path: f"{path}/", lambda path: path.as_uri(), lambda path: f"{path}/."])
def test_the_repository_is_found_by_its_path_or_url(tmp_path: Path, url: Callable[[Path], str]) -> None:
    place = tmp_path / "a b ünï%20.git"
    place.mkdir()
    LocalForge(url(place), lambda branch, commit: False).ensure_pull_request(CHANGE, HEAD, "main")
    assert written(place)["number"] == 1


@pytest.mark.parametrize(
    "url", ["https://example.com/x.git", "ssh://example.com/x.git", "/nowhere/x.git", "git@host:x"]
)
def test_a_remote_that_is_not_on_this_disk_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="a local forge needs a"):
        LocalForge(url, lambda branch, commit: False)


def access(place: Path) -> Access:
    return Access(str(place), None, None, lambda branch, commit: False)


def test_a_forge_is_found_by_its_type(place: Path) -> None:
    assert FORGES["local"](access(place)).find("x", "main") is None
    assert isinstance(connect("local", access(place)), LocalForge)


def test_a_type_that_this_release_does_not_know_says_what_it_knows(place: Path) -> None:
    with pytest.raises(UserError, match=r"pull requests on bitkeeper are not supported; supported forges: .*local"):
        connect("bitkeeper", access(place))
