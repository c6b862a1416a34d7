"""The history of a rollout is told from git, however its steps were merged, and says so if it is not known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from past_steps import changes, entries, history, stable, to
from repo import Repo

pytestmark = pytest.mark.system

MESSAGE = "Advance fraud 42 to ab-50\n\nThe reason.\n\nRollout-Step: advance fraud/42 ab-50\nRollout-Forced: demo\n"
MERGES: Mapping[str, tuple[str, ...]] = {
    "merge": ("merge", "-q", "--no-ff", "-m", "Merge pull request 7", "topic"),
    "squash": ("merge", "-q", "--squash", "topic"),
    "rebase": ("cherry-pick", "topic"),
    "fast-forward": ("merge", "-q", "--ff-only", "topic"),
}


@pytest.mark.parametrize("kind", MERGES)
def test_a_step_is_told_however_it_was_merged(repo: Repo, kind: str) -> None:
    repo.git("checkout", "-q", "-b", "topic")
    repo.take(to("ab-50"), MESSAGE, push=False)
    repo.git("checkout", "-q", "main")
    if kind != "fast-forward":
        repo.write("docs/note.md", "Meanwhile.\n")
        repo.commit("Note", push=False)
    repo.git(*MERGES[kind])
    if kind == "squash":
        repo.git("commit", "-q", "-m", MESSAGE)
    repo.git("push", "-q", "origin", "main")
    newest, first = entries(repo)
    assert (newest["change"], newest["changeOf"], newest["stage"]) == ("advanced", "42", "ab-50")
    assert newest["traffic"]["shares"] == {"41": "50%", "42": "50%"}
    assert (newest["reason"], newest["forced"]) == ("Advance fraud 42 to ab-50", "demo")
    assert newest["author"] == {"name": "Ada Author", "address": "ada@example.com"}
    assert (newest["mergedBy"] is not None) == (kind == "merge")
    assert newest["current"] and not first["current"]
    assert first["until"] == newest["at"]
    assert first["change"] == "bootstrapped"


def test_a_rollback_by_the_tool_is_told_with_its_incident(repo: Repo) -> None:
    assert repo.breach().status == 0
    assert changes(repo) == ["bootstrapped 41"], "it is not merged yet"
    repo.merge("rollback/acme-models/fraud/42")
    newest = entries(repo)[0]
    assert (newest["change"], newest["changeOf"]) == ("rolled back", "42")
    assert (newest["trigger"], newest["incident"]) == ("serving-errors", "fraud-42")
    assert newest["reason"] == "Revert fraud 42 to 41: serving-errors at canary-5"
    assert newest["author"]["name"] == "rollout-spec"
    assert newest["mergedBy"]["name"] == "Ada Author"
    assert newest["traffic"]["shares"] == {"41": "100%"}


def test_a_rollback_of_stable_is_told(repo: Repo) -> None:
    assert repo.run("rollback", "fraud", "--version", "41", "--reason", "wrong scores").status == 0
    repo.merge("rollback/acme-models/fraud/41")
    newest = entries(repo)[0]
    assert (newest["change"], newest["changeOf"], newest["stable"]) == ("rolled back", "41", "40")
    assert (newest["trigger"], newest["incident"]) == (None, "fraud-41")
    assert "by hand, incident fraud-41" in repo.run("history", "fraud").out


def test_a_workspace_in_a_folder_has_its_own_history(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path, prefix="environments/prod")
    repo.take(to("shadow"), "Back")
    assert changes(repo) == ["retreated 42", "bootstrapped 41"]
    repo.git("mv", "environments/prod", "environments/live")
    moved = Repo(repo.folder, repo.remote, "environments/live", repo.clock)
    moved.commit("Move")
    [entry] = entries(moved)
    assert "the whole workspace is new at this commit" in entry["note"]


def test_each_step_has_its_name(repo: Repo) -> None:
    repo.take(to("shadow"), "Back")
    repo.take(to(None, None), "Away")
    repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-cards")
    repo.commit("Hand over")
    repo.take(to(None), "Again")
    repo.take(to("full"), "Skip")
    repo.take(stable("42", "41", "40"), "All")
    repo.take(stable("42", "41"), "Retire")
    repo.take(stable("41"), "Without an incident")
    told = ["rolled back 42", "retired 40", "promoted 42", "changed", "proposed 42", "edited", "withdrawn 42"]
    assert changes(repo) == [*told, "retreated 42", "bootstrapped 41"]
    assert changes(repo, "--limit", "2") == told[:2]
    assert "(stage none -> full)" in entries(repo)[3]["reason"]
    assert [each["moves"] for each in entries(repo)].count(False) == 1, "to change the owner moves nothing"


def test_a_rewritten_branch_has_the_new_history(repo: Repo) -> None:
    other = repo.clone("other")
    repo.take(to("shadow"), "Back")
    other.git("pull", "-q")
    assert changes(other)[0] == "retreated 42"
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.take(to(None, None), "Away", push=False)
    repo.git("push", "-q", "--force", "origin", "main")
    assert changes(other, "--offline")[0] == "retreated 42"
    assert changes(other)[0] == "withdrawn 42"


def test_a_shallow_clone_says_that_older_steps_are_unknown(repo: Repo) -> None:
    repo.take(to("shadow"), "Back")
    repo.take(to("canary-5"), "Again")
    shallow = repo.clone("shallow", "--depth", "2")
    told = history(shallow)
    assert [each["change"] for each in told["entries"]] == ["advanced", "unknown"]
    assert "shallow" in told["missing"] and "shallow" in told["entries"][1]["note"]
    assert "older changes are unknown: this clone is shallow" in shallow.run("history", "fraud").out
    past = shallow.run("history", "fraud", "--at", "2026-11-20T08:00:00Z").out
    assert "unknown: this clone is shallow" in past


def test_a_graft_or_a_replaced_commit_hides_no_step(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.take(to("shadow"), "Back")
    commit = repo.git("rev-parse", "HEAD")
    expected = changes(repo)
    assert len(expected) == 2
    grafts = repo.folder / ".git/info/grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{commit}\n", "utf-8")
    assert changes(repo) == expected
    grafts.unlink()
    repo.git("replace", commit, first)
    assert changes(repo) == expected


def test_a_commit_at_which_the_file_did_not_load_is_no_step(repo: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "kind: ModelRollout", "kind: Broken")
    repo.commit("Break it")
    repo.edit("rollouts/fraud.yaml", "kind: Broken", "kind: ModelRollout")
    repo.commit("Mend it")
    mended, broken, _ = entries(repo)
    assert (mended["change"], broken["change"]) == ("unknown", "unknown")
    assert "did not load before" in mended["note"] and "does not load" in broken["note"]
    assert broken["traffic"] is None
    assert mended["traffic"]["shares"] == {"41": "95%", "42": "5%"}


def test_a_deleted_and_a_renamed_rollout_are_told(repo: Repo) -> None:
    text = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    repo.git("rm", "-q", "-r", "rollouts/fraud.yaml", "manifests/fraud")
    repo.write("rollouts/cards.yaml", text.replace("name: fraud", "name: cards"))
    repo.commit("Rename")
    assert changes(repo) == ["deleted", "bootstrapped 41"]
    done = repo.run("history", "cards", "--format", "json")
    [entry] = json.loads(done.out)["entries"]
    assert "the same commit deleted fraud: it may be a rename" in entry["note"]


def at(repo: Repo, minutes: float) -> dict[str, Any]:
    moment = repo.clock[0] + timedelta(minutes=minutes)
    return history(repo, "--at", moment.isoformat())


def test_at_a_time_is_the_state_that_was_live_then(repo: Repo) -> None:
    repo.take(to("shadow"), "Back")
    repo.take(to(None, None), "Away")
    assert at(repo, 1)["entry"]["traffic"]["shares"] == {"41": "100%"}
    assert at(repo, -0.5)["entry"]["stage"] == "shadow"
    assert at(repo, -1)["entry"]["stage"] == "shadow"
    assert at(repo, -1.5)["entry"]["stage"] == "canary-5"
    before = at(repo, -60)
    assert (before["entry"], before["reason"]) == (None, "fraud was not there yet")
    assert repo.run("history", "fraud", "--at", "2026-11-20T09:02:30Z").out.startswith(
        "fraud at 2026-11-20T09:02:30Z: 100% to 41, 20% mirrored to 42\n"
    )


def test_dates_out_of_order_are_said(repo: Repo) -> None:
    repo.clock[0] += timedelta(hours=5)
    repo.take(to("shadow"), "In the future of the next one")
    repo.clock[0] -= timedelta(hours=3)
    repo.take(to(None, None), "Away")
    assert "out of order" in at(repo, 1)["doubt"]
    assert "out of order" in repo.run("history", "fraud", "--at", (repo.clock[0]).isoformat()).out
    assert "earlier date" in entries(repo)[1]["note"]


@pytest.mark.parametrize("time", ["2026-11-20", "2h ago", "2026-11-20T09:00:00", "9999-01-01T00:00:00Z", "\x1b"])
def test_a_time_without_a_zone_or_in_the_future_is_refused(repo: Repo, time: str) -> None:
    done = repo.run("history", "fraud", "--at", time)
    assert (done.status, done.out) == (2, "")
    assert "--at: " in done.err


@pytest.mark.parametrize("name", ["fraudd", "../fraud", "FRAUD", "", "a\x1b"])
def test_an_unknown_rollout_is_refused(repo: Repo, name: str) -> None:
    done = repo.run("history", name)
    assert (done.status, done.out) == (2, "")
    assert "there is no rollout" in done.err


def test_a_remote_that_does_not_answer_is_said(repo: Repo) -> None:
    repo.take(to("shadow"), "Back")
    repo.git("remote", "set-url", "origin", str(repo.remote.parent / "gone.git"))
    told = history(repo)
    assert told["entries"][0]["change"] == "retreated"
    assert told["branch"] == "origin/main"
    assert "git ls-remote failed" in told["remoteNotAsked"]
    assert "the remote was not asked" in repo.run("history", "fraud").err


def test_without_a_remote_the_local_branch_is_shown(repo: Repo) -> None:
    repo.git("remote", "remove", "origin")
    assert history(repo)["branch"] == "main"
    repo.git("branch", "-q", "-m", "trunk")
    assert history(repo)["branch"] == "HEAD"
