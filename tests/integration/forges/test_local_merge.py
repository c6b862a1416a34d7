"""`local merge` does on a bare repository what the merge button of another forge does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from repo import Repo, git, run

from rollout_spec.integrations.git import merge as merging
from rollout_spec.integrations.git.merge import Bare

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"
NEXT = "next: `git pull` brings it into this clone\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository whose pull request 1 is a rollback."""
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    assert repo.breach("42", "latency-sla").status == 0
    return repo


@pytest.fixture
def repo(made: Repo, tmp_path: Path) -> Repo:
    repo = made.copy(tmp_path)
    shutil.copytree(f"{made.remote}.pulls", f"{repo.remote}.pulls")
    return repo


def pull(repo: Repo) -> dict[str, Any]:
    (found,) = repo.pull_requests()
    return found


def change(repo: Repo, **fields: object) -> None:
    Path(f"{repo.remote}.pulls/1.json").write_text(json.dumps(pull(repo) | fields), "utf-8")


def branch(repo: Repo) -> str:
    (name,) = repo.whole_names()
    return name


def test_it_is_merged_by_a_merge_commit(repo: Repo) -> None:
    before, head = repo.tip(), repo.tip(branch(repo))
    result = repo.run("local", "merge", "1")
    merge = repo.tip()
    assert (result.status, result.err) == (0, NEXT)
    assert result.out == f"merged pull request 1: {branch(repo)} into main, commit {merge}\n"
    assert git(repo.remote, "rev-parse", f"{merge}^1", f"{merge}^2").split() == [before, head]
    assert repo.live_at(merge) == repo.live_at(head)
    data = pull(repo)
    assert (data["state"], data["mergeSha"], data["headSha"]) == ("merged", merge, head)
    assert data["mergedAt"].endswith("Z")
    assert git(repo.remote, "fsck", "--strict") == ""


def test_it_is_shown_with_its_text_and_its_changes(repo: Repo) -> None:
    change(repo, comments=["**Again.**\n\n<!-- rollout-spec: breach-latency-sla -->\n"], draft=True)
    shown = repo.run("local", "show", "1")
    assert (shown.status, shown.err) == (0, "")
    title = pull(repo)["title"]
    assert shown.out.startswith(f"pull request 1 (open, a draft): {title}\n\n{branch(repo)} into main\n\n")
    assert "\n### What to do\n" in shown.out
    assert "\n**Again.**\n" in shown.out
    assert "<!--" not in shown.out
    assert '\n-    candidate: "42"' in shown.out
    assert "\n+kind: Incident\n" in shown.out


def test_its_changes_are_those_since_it_left_its_base(repo: Repo) -> None:
    repo.write("notes.md", "one\n")
    repo.commit("Write a note")
    assert "notes.md" not in repo.run("local", "show", "1").out


def test_a_merged_one_is_shown_without_changes(repo: Repo) -> None:
    assert repo.run("local", "merge", "1").status == 0
    shown = repo.run("local", "show", "1")
    assert (shown.status, "diff --git" in shown.out) == (0, False)
    assert shown.out.startswith("pull request 1 (merged): ")


def test_a_text_that_moves_the_cursor_is_shown_escaped(repo: Repo) -> None:
    change(repo, title="safe\x1b[2K\rmerged", body="::add-mask::x")
    out = repo.run("local", "show", "1").out
    assert "safe\\u001b[2K\\rmerged" in out
    assert "\n\\x3a:add-mask::x" in out


def test_merged_twice_it_is_merged_once(repo: Repo) -> None:
    assert repo.run("local", "merge", "1").status == 0
    tip, data = repo.tip(), pull(repo)
    result = repo.run("local", "merge", "1")
    assert (result.status, result.out, result.err) == (0, "", "pull request 1 is already merged\n")
    assert (repo.tip(), pull(repo)) == (tip, data)


def test_the_tool_finds_it_merged(repo: Repo) -> None:
    assert repo.run("local", "merge", "1").status == 0
    repo.git("pull", "-q", "origin", "main")
    again = repo.breach("42", "latency-sla")
    assert again.status == 0
    assert len(repo.pull_requests()) == 1


def test_a_base_that_has_moved_on_is_merged_into(repo: Repo) -> None:
    repo.write("README.md", "More.\n")
    moved = repo.commit("Write more")
    assert repo.run("local", "merge", "1").status == 0
    assert repo.at(repo.tip(), "README.md") == "More."
    assert git(repo.remote, "rev-parse", f"{repo.tip()}^1") == moved


def test_what_has_moved_is_merged_as_it_is_and_said(repo: Repo) -> None:
    name = branch(repo)
    old = repo.tip(name)
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "mine", f"origin/{name}")
    repo.write("notes.md", "Mine.\n")
    repo.commit("Add notes", push=False)
    repo.git("push", "-q", "origin", f"mine:{name}")
    repo.git("checkout", "-q", "main")
    result = repo.run("local", "merge", "1")
    assert result.status == 0
    assert result.err == f"{name} has moved: merging {repo.tip(name)[:12]}, not {old[:12]}\n{NEXT}"
    assert (pull(repo)["headSha"], repo.at(repo.tip(), "notes.md")) == (repo.tip(name), "Mine.")


def test_a_branch_that_was_reset_to_the_base_is_not_merged(repo: Repo) -> None:
    tip = repo.tip()
    git(repo.remote, "update-ref", f"refs/heads/{branch(repo)}", tip)
    result = repo.run("local", "merge", "1")
    assert (result.status, result.out) == (1, "")
    assert f"is at {tip[:12]}, which is on main already: there is nothing to merge" in result.err
    assert (repo.tip(), pull(repo)["state"]) == (tip, "open")


def conflict(repo: Repo) -> str:
    path = repo.workspace / "rollouts/fraud.yaml"
    path.write_text(path.read_text("utf-8").replace("stage: canary-5", "stage: shadow"), "utf-8")
    repo.commit("Go back to shadow")
    return "conflicts with main in .*fraud"


def draft(repo: Repo) -> str:
    change(repo, draft=True)
    return r"pull request 1 is a draft\n  help: mark it as ready: set `draft` to false in .*1\.json"


def closed(repo: Repo) -> str:
    change(repo, state="closed")
    return "pull request 1 is closed\n  help: reopen it"


def without_branch(repo: Repo) -> str:
    git(repo.remote, "update-ref", "-d", f"refs/heads/{branch(repo)}")
    return f"no branch {BRANCH}.* in the bare repository"


@pytest.mark.parametrize("how", [conflict, draft, closed, without_branch])
def test_what_cannot_be_merged_is_refused(repo: Repo, how: Callable[[Repo], str]) -> None:
    words = how(repo)
    tip, data = repo.tip(), pull(repo)
    result = repo.run("local", "merge", "1")
    assert (result.status, result.out) == (1, "")
    assert re.search(words, result.err), result.err
    assert (repo.tip(), pull(repo)) == (tip, data)


def test_a_base_that_moves_meanwhile_stays(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Bare._tree
    moved: list[str] = []

    def tree(self: Bare, *words: str) -> str:
        repo.write("README.md", "More.\n")
        moved.append(repo.commit("Write more"))
        return real(self, *words)

    monkeypatch.setattr(merging.Bare, "_tree", tree)
    result = repo.run("local", "merge", "1")
    assert (result.status, result.err) == (1, "rollout-spec: main moved during the merge\n  help: run it again\n")
    assert ([repo.tip()], pull(repo)["state"]) == (moved, "open")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.json", "../1", "٣", "01"])
def test_a_number_is_one(repo: Repo, number: str) -> None:
    assert repo.run("local", "merge", "--", number).status == 2


def test_one_that_is_not_there_is_told(repo: Repo) -> None:
    result = repo.run("local", "merge", "7")
    assert (result.status, result.out) == (2, "")
    assert "no pull request 7 in " in result.err


def test_another_forge_is_refused(repo: Repo) -> None:
    settings = "  forge: {type: github, repository: acme/models} "
    repo.edit(".rollout-spec.yaml", "  forge: {type: local} ", settings)
    result = repo.run("local", "merge", "1")
    assert result.status == 2
    assert "the workspace is on github; `local` needs `forge: {type: local}`" in result.err


def test_it_works_from_a_bare_clone(repo: Repo, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo.remote), str(tmp_path / "mirror.git"))
    before = repo.tip()
    assert run("--repo", str(tmp_path / "mirror.git"), "local", "merge", "1").status == 0
    assert repo.tip() != before
