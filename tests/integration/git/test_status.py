"""The status of rollouts is that of the base and of the remote's branches, and names what was not asked."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from repo import Repo, Result
from repo import run as main_run
from terminals import on_a_terminal

from rollout_spec.integrations.git.repository import Git
from rollout_spec.lifecycle import entry_commit
from rollout_spec.spec.rollout import Live
from rollout_spec.workflows import stage_entries as module
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.stage_entries import stage_entries

pytestmark = pytest.mark.system


def run(repo: Repo, *words: str) -> Result:
    """Run the command two minutes after the last commit."""
    now = repo.clock[0] + timedelta(minutes=2)
    with mock.patch("rollout_spec.cli.commands.status.clock", lambda: now):
        return repo.run("status", *words)


def status(repo: Repo, *words: str) -> dict[str, Any]:
    done = run(repo, "--format", "json", *words)
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def fraud(repo: Repo, *words: str) -> dict[str, Any]:
    [rollout] = [each for each in status(repo, *words)["rollouts"] if each["name"] == "fraud"]
    return dict(rollout)


def to(stage: str | None) -> Any:
    return lambda live: live.model_copy(update={"stage": stage})


def base_of(repo: Repo) -> Base:
    return Base(Git(repo.folder), None, "main", repo.git("rev-parse", "HEAD"), repo.prefix)


def test_the_status_of_a_rollout_in_flight(repo: Repo) -> None:
    repo.take(to("shadow"), "Back")
    found = fraud(repo)
    assert (found["stable"], found["candidate"], found["stage"]) == ("41", "42", "shadow")
    assert found["traffic"] == {"shares": {"41": "100%", "42": "0%"}, "mirror": "20%", "match": None}
    assert found["hold"]["leftSeconds"] == 58 * 60
    assert found["hold"]["commit"] == repo.tip()
    assert found["hold"]["source"] == "commit"
    assert found["rollbackTargets"] == ["40"]
    assert (found["incidents"], found["branches"], found["drilled"]) == ([], [], None)
    block = run(repo, "fraud").out
    assert "  candidate           42 in shadow\n" in block
    assert f"  hold                1h, 58m left, since 2026-11-20T09:02:00Z ({repo.tip()[:12]})\n" in block


def test_an_open_rollback_is_shown_until_it_is_merged(repo: Repo) -> None:
    assert repo.breach().status == 0
    found = fraud(repo)
    branch = repo.whole("rollback/acme-models/fraud/42")
    assert found["candidate"] == "42"
    assert [each["name"] for each in found["branches"]] == [branch]
    assert [(each["name"], each["version"], each["branch"]) for each in found["incidents"]] == [
        ("fraud-42", "42", branch)
    ]
    repo.merge(branch)
    found = fraud(repo)
    assert (found["candidate"], found["branches"]) == (None, []), "the merged branch is still on the remote"
    assert [(each["name"], each["branch"]) for each in found["incidents"]] == [("fraud-42", None)]
    repo.resolve("fraud-42", "bad")
    assert fraud(repo)["incidents"] == []


def test_the_forge_tells_which_pull_requests_have_ended(repo: Repo) -> None:
    assert repo.breach().status == 0
    [branch] = fraud(repo, "--forge")["branches"]
    assert branch["state"] == "open"
    assert branch["url"].endswith("1.json")
    assert "pull request        rollback: " in run(repo, "fraud", "--forge").out
    pull = Path(f"{repo.remote}.pulls/1.json")
    pull.write_text(json.dumps(json.loads(pull.read_text("utf-8")) | {"state": "closed"}), "utf-8")
    assert fraud(repo, "--forge")["branches"] == []
    assert [each["state"] for each in fraud(repo)["branches"]] == [None], "its branch is still there"


def test_branches_of_others_are_none_of_ours(repo: Repo) -> None:
    names = {
        "advance/acme-models/fraud/42": 1,
        "record/acme-models/fraud/43-2": 1,
        "rollback.2/acme-models/fraud/42-12345678": 1,
        "advance/elsewhere/fraud/42": 0,
        "rollback/elsewhere/fraud/42-12345678": 0,
        "feature/acme-models/fraud/42": 0,
        "advance/acme-models/other/42": 0,
    }
    for name in names:
        commit = repo.git("commit-tree", "-p", "HEAD", "-m", name, "HEAD^{tree}")
        repo.git("push", "-q", "origin", f"{commit}:refs/heads/{name}")
    assert [each["name"] for each in fraud(repo)["branches"]] == sorted(name for name, ours in names.items() if ours)


def test_a_rollout_that_is_not_pushed_is_named(repo: Repo) -> None:
    assert "only in this folder" not in run(repo).err
    text = repo.at("HEAD", "rollouts/fraud.yaml").replace("name: fraud", "name: churn")
    repo.write("rollouts/churn.yaml", text)
    told = "not on main yet, only in this folder: churn; commit, push and merge to protect it\n"
    assert told in run(repo).err
    repo.commit("Add churn", push=False)
    assert told in run(repo).err
    done = run(repo, "churn")
    assert (done.status, "churn is recorded here, but not on origin/main" in done.err) == (2, True), done.text
    repo.git("push", "-q", "origin", "main")
    assert "only in this folder" not in run(repo).err


def test_a_remote_that_is_not_asked_is_said(repo: Repo) -> None:
    assert repo.breach().status == 0
    found = status(repo, "--offline")
    assert found["remoteNotAsked"] == "--offline"
    assert found["branch"] == "origin/main"
    assert found["rollouts"][0]["branches"] is None
    done = run(repo, "fraud", "--offline")
    assert "  pull request        on the remote: unknown, it was not asked\n" in done.out
    assert "the remote was not asked, so open branches are unknown: --offline" in done.err
    repo.git("remote", "set-url", "origin", str(repo.remote.parent / "gone.git"))
    assert "git ls-remote failed" in status(repo)["remoteNotAsked"]
    assert run(repo).out.splitlines()[1].split()[-3:] == ["?", "?", "-"]


def test_what_does_not_load_is_said_and_hides_nothing(repo: Repo) -> None:
    text = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    repo.write("rollouts/broken.yaml", text.replace("kind: ModelRollout", "kind: Nothing"))
    repo.write("incidents/fraud-42.yaml", "no incident\n")
    repo.commit("Break")
    found = status(repo)
    broken, other = found["rollouts"]
    assert (broken["name"], broken["problem"]) == ("broken", "rollouts/broken.yaml does not load")
    assert [(each["name"], each["problem"]) for each in other["incidents"]] == [("fraud-42", "the file does not load")]
    assert "rollouts/broken.yaml does not load" in run(repo).out
    assert "problem             rollouts/broken.yaml does not load" in run(repo, "broken").out


def test_the_hold_is_unknown_in_a_shallow_clone(repo: Repo) -> None:
    shallow = repo.clone("shallow", "--depth", "1")
    hold = fraud(shallow)["hold"]
    assert (hold["since"], hold["leftSeconds"], hold["reason"]) == (None, None, "this clone is shallow")
    assert "since when is unknown: this clone is shallow" in run(shallow, "fraud").out


def test_outside_git_the_files_are_shown(repo: Repo) -> None:
    shutil.rmtree(repo.folder / ".git")
    found = status(repo)
    assert found["commit"] is None
    assert "not in a git repository" in found["remoteNotAsked"]
    assert "not in a git repository" in found["rollouts"][0]["hold"]["reason"]


def test_an_unknown_rollout_is_refused(repo: Repo) -> None:
    done = run(repo, "fraudd")
    assert (done.status, done.out) == (2, "")
    assert "did you mean `fraud`?" in done.err
    assert run(repo, "--offline", "--forge").status == 2


def test_the_entry_of_a_stage_is_the_one_that_a_step_uses(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_COMMITS", 2)
    text = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    repo.write("rollouts/cards.yaml", text.replace("name: fraud", "name: cards"))
    repo.commit("Another one")
    stages = ["shadow", "canary-5", None, "shadow", "canary-5", "canary-5", "ab-50", "ab-50"]
    for number, stage in enumerate(stages):
        repo.take(to(stage), f"Step {number}") if repo.live.stage != stage else None
        repo.edit("rollouts/fraud.yaml", "port: 80", "port: 81") if number % 2 == 0 else None
        repo.edit("rollouts/fraud.yaml", "port: 81", "port: 80") if number % 2 else None
        repo.commit(f"Edit {number}")
        base, live = base_of(repo), repo.live
        wanted: dict[str, Live] = {"fraud": live, "cards": repo.model("cards").spec.live}
        entries = stage_entries(base, wanted)
        assert entries["fraud"] == entry_commit(live, base.history("rollouts/fraud.yaml"))
        assert entries["cards"] == entry_commit(wanted["cards"], base.history("rollouts/cards.yaml"))


def test_a_mirror_has_a_status_and_a_history(repo: Repo) -> None:
    repo.take(to("shadow"), "Back")
    mirror = repo.remote.parent / "mirror.git"
    assert repo.run("mirror", str(mirror)).status == 0
    told, past = (
        json.loads(main_run("--repo", str(mirror), *words, "--format", "json").out)
        for words in (["status", "fraud"], ["history", "fraud"])
    )
    assert told["rollouts"][0]["hold"]["commit"] == repo.tip()
    assert [each["change"] for each in past["entries"]] == ["retreated", "bootstrapped"]


def test_only_a_terminal_has_colors(repo: Repo) -> None:
    assert repo.breach().status == 0
    assert "\x1b[31m1" in on_a_terminal(repo.folder, "status")
    assert "\x1b" not in on_a_terminal(repo.folder, "status", NO_COLOR="1")
    assert "\x1b" not in run(repo).out
