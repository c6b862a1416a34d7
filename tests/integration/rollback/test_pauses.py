"""A pause is read at night, by the rollback that it should stop; whoever writes one hears by day that it cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from repo import Repo, git, named_example, run
from workspaces import BASE

from rollout_spec.checks.rules.pause_current import misnamed
from rollout_spec.checks.runner import check
from rollout_spec.rollback.pause import read_pause
from rollout_spec.spec.kinds import PAUSE_FILE
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

GOOD = "reason: the cluster is being moved, OPS-1181\nexpires: 2999-12-31\n"
BROKEN = GOOD.replace("expires", "expire")
EXPIRED = GOOD.replace("2999", "2020")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """Make a git repository with two workspaces, neither of them at its root."""
    for name in ("prod", "staging"):
        named_example(tmp_path / "environments" / name)
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def pause(place: Path, text: str) -> None:
    (place / PAUSE_FILE).write_text(text, "utf-8")


def told(folder: Path, *words: str) -> list[str]:
    """Check, and return the files, lines, severities and rules of what is found."""
    done = run("--repo", str(folder), "check", *words, "--format", "json")
    findings = json.loads(done.out)["findings"]
    assert done.status == any(each["severity"] == "error" for each in findings)
    return [f"{each['file']}:{each['line']} {each['severity']} {each['name']}" for each in findings]


def test_a_workspace_is_checked_with_its_pause(platform: Path) -> None:
    prod = platform / "environments/prod"
    pause(prod, GOOD)
    assert told(prod) == []
    pause(prod, BROKEN)
    expected = [f"environments/prod/{PAUSE_FILE}:2 error schema"]
    for folder, words in (
        (prod, ()),
        (prod, (PAUSE_FILE,)),
        (prod / "rollouts", (f"../{PAUSE_FILE}",)),
        (platform, ("environments",)),
        (platform, ("--all",)),
    ):
        assert told(folder, *words) == expected
    pause(prod, EXPIRED)
    assert told(prod) == [f"environments/prod/{PAUSE_FILE}:2 warning pause-current"]


def test_a_pause_of_the_whole_repository_concerns_each_workspace(platform: Path) -> None:
    prod = platform / "environments/prod"
    pause(platform, GOOD)
    assert told(prod) == []
    assert told(platform, PAUSE_FILE) == []
    pause(platform, BROKEN)
    expected = [f"{PAUSE_FILE}:2 error schema"]
    for folder, words in (
        (prod, ()),
        (prod, (f"../../{PAUSE_FILE}",)),
        (platform, (PAUSE_FILE,)),
        (platform, (".",)),
        (platform, ("--all",)),  # once, though it pauses both
    ):
        assert told(folder, *words) == expected
    assert told(prod, "rollouts/fraud.yaml") == []
    text = run("--repo", str(platform), "check", "--all").out
    assert text.count("did you mean `expires`?") == 1
    pause(platform, EXPIRED)
    assert told(prod, "--base", commit(platform)) == [f"{PAUSE_FILE}:2 warning pause-current"]


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "Set up")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize("place", ["environments", "environments/prod/rollouts"])
def test_a_pause_where_no_rollback_looks_is_told_of(platform: Path, place: str) -> None:
    pause(platform / place, GOOD)
    assert told(platform, f"{place}/{PAUSE_FILE}") == [f"{place}/{PAUSE_FILE}:1 error pause-current"]


def test_a_pause_of_nothing_is_no_file_of_ours(tmp_path: Path) -> None:
    pause(tmp_path, GOOD)
    done = run("--repo", str(tmp_path), "check", PAUSE_FILE)
    assert (done.status, done.out) == (2, "")
    assert "not a rollout repository" in done.err


def test_a_folder_of_that_name_pauses_nothing(platform: Path) -> None:
    prod = platform / "environments/prod"
    (prod / PAUSE_FILE).mkdir()
    assert told(prod) == [f"environments/prod/{PAUSE_FILE}:1 error names-match"]


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        EXPIRED.encode(),
        b"{reason: a move, expires: 2026-11-20T10:30:00+01:00}",
        GOOD.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        BROKEN.encode(),
        b"",
        b"# later\n",
        b"reason: a move",
        b"expires: 2026-12-31",
        b"{reason: a move, expires: soon}",
        b"{reason: a move, expires: 2026-12-31, who: me}",
        b"{reason: [a move], expires: 2026-12-31}",
        b"{reason: a move, expires: 2026-12-31T10:15:00}",
        b"{reason: a move, expires: 2026-12-31",
        b"reason: a move\nexpires: 2026-12-31\nexpires: 2026-12-01\n",
        b"reason: &a move\nexpires: 2026-12-31\n",
        b"reason: a move\nexpires: 2026-12-31\n---\n",
        b"- x",
        b"on",
        b"\xff\xfe",
        b"a" * 2_000_000,
    ],
    ids=lambda content: ascii(content[:40])[2:-1],
)
def test_what_a_check_finds_wrong_a_rollback_cannot_read(content: bytes) -> None:
    repository = Repository(Overlay(WorkingTree(BASE), {PAUSE_FILE: content}))
    report = check(repository, paths=[PAUSE_FILE], now=NOW)
    assert report.failed == (read_pause(PAUSE_FILE, content).ends is None)
    assert {each.name for each in report.findings if each.severity == "error"} <= {"yaml", "schema"}
    assert len(report.findings) <= 1


@pytest.mark.parametrize(
    "name", [".rollout-spec-pause.yaml", "rollout-spec-pause", ".ROLLOUT-SPEC-PAUSE", ".rollout-spec.pause"]
)
def test_what_is_taken_for_a_pause_is_found_wherever_one_may_lie(platform: Path, name: str) -> None:
    prod, staging = platform / "environments/prod", platform / "environments/staging"
    (platform / name).write_text(GOOD, "utf-8")
    assert told(prod) == told(staging) == told(platform, "--all") == [f"{name}:1 error pause-current"]
    assert told(platform, "--skip-outside", name) == [f"{name}:1 error pause-current"]
    (platform / name).unlink()
    (prod / name).write_text(GOOD, "utf-8")
    assert told(prod) == [f"environments/prod/{name}:1 error pause-current"]
    assert told(prod, "--skip-outside", name) == [f"environments/prod/{name}:1 error pause-current"]
    assert told(staging) == []


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_bears_the_name_of_a_pause_and_is_no_file_pauses(tmp_path: Path, kind: str) -> None:
    repo = Repo.create(tmp_path)
    if kind == "link":
        (repo.folder / PAUSE_FILE).symlink_to("nowhere")
    else:
        repo.write(f"{PAUSE_FILE}/why.txt", "OPS-1181\n")
    repo.commit("Pause it")
    answer = repo.breach()
    assert (answer.status, repo.pull_requests(), repo.branches()) == (1, [], [])
    reason = "it is a link" if kind == "link" else "the file cannot be read"
    assert f"{PAUSE_FILE} pauses the automation: {reason}" in answer.out


@pytest.mark.parametrize("path", [".rollout-spec-pause.yml", "environments/X/.rollout-spec-pause.yml"])
def test_a_file_that_somebody_may_take_for_a_pause_is_told_by_its_name(path: str) -> None:
    problem = misnamed(path)
    assert problem.path == ()
    assert problem.message == "this file pauses nothing: its name is `.rollout-spec-pause.yml`"
