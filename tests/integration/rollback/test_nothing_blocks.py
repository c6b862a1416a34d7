"""Nothing that anybody may push or commit keeps a rollback from its pull request."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import forge_users
import pytest
from fakes.forge import Pull
from fakes.github import FakeGitHub
from fakes.host import Answer
from forge_users import head_of, is_armed, pull, push_tree
from hosted_repositories import hosted, let_in, point_to
from hypothesis import given
from hypothesis import strategies as st
from repo import Repo, git

from rollout_spec.core.breach import Breach
from rollout_spec.core.commit_message import starts_no_checks, with_checks
from rollout_spec.domain import transitions
from rollout_spec.integrations.git.remote import Remote
from rollout_spec.workflows import breach_order, incident_limits
from rollout_spec.workflows import respond as response
from rollout_spec.workflows.base_branch import Base

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def made(automated: Repo) -> Repo:
    return automated


@pytest.mark.parametrize(
    "name", ["rollback/acme-models/fraud/x,y", "rollback/acme-models/é", "incident/acme-models/a'b", "rollback/acme,x"]
)
def test_a_branch_with_an_odd_name(repo: Repo, name: str) -> None:
    bot = repo.clone("bot")
    push_tree(repo, name, "origin/main", {"notes.md": "hello\n"}, "x")
    answer = bot.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert is_armed(repo, 1)


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85"])
def test_a_branch_whose_name_looks_like_ours_and_another_line(repo: Repo, letter: str) -> None:
    """Git allows these letters in a name, and some programs begin a new line there."""
    bot = repo.clone("bot")
    told = bot.breach("42", "latency-sla", "--dry-run").out
    (ours,) = re.findall(r"^branch (rollback/\S+)$", told, re.MULTILINE)
    push_tree(repo, f"{ours}{letter}x", "origin/main", {"notes.md": "hello\n"}, "x")
    answer = bot.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert f"branch {ours}, commit" in answer.out
    assert is_armed(repo, 1)


@pytest.mark.parametrize("date", ["99999999999999", "-62135596801", "x"])
def test_a_commit_with_an_odd_date(repo: Repo, date: str) -> None:
    repo.edit("rollouts/fraud.yaml", 'stable: "41"   ', 'stable: "41" # ours  ')
    repo.git("add", "--all")
    tree, head = repo.git("write-tree"), repo.git("rev-parse", "HEAD")
    file = repo.remote.parent / "raw"
    file.write_text(
        f"tree {tree}\nparent {head}\nauthor A <a@b> {date} +0000\ncommitter A <a@b> {date} +0000\n\nComment\n"
    )
    commit = repo.git("hash-object", "-t", "commit", "-w", "--literally", str(file))
    repo.git("reset", "-q", "--soft", commit)
    repo.git("push", "-q", "origin", f"{commit}:refs/heads/main")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert repo.live_at(head_of(repo, 1))["stable"] == "41"


@pytest.mark.parametrize("folder", ["incidents", "manifests", "components"])
def test_a_file_where_a_folder_should_be_is_found_and_kept(repo: Repo, folder: str) -> None:
    """A rollback that would have to replace it leaves it, and says so; the check finds it before that."""
    for path in sorted((repo.workspace / folder).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    if (repo.workspace / folder).exists():
        (repo.workspace / folder).rmdir()
    repo.write(folder, "notes\n")
    repo.commit("Write notes")
    checked = repo.run("check")
    assert checked.status == 1
    assert f"{folder}:1:1: error: this must be a folder, not a file" in checked.out, checked.text
    repo.breach("42", "latency-sla")
    for branch in repo.whole_names():
        assert git(repo.remote, "show", f"{branch}:{folder}") == "notes"


def many(repo: Repo, names: list[str], commit: str) -> None:
    git(repo.remote, "fetch", "-q", str(repo.folder), commit)
    lines = "".join(f"create refs/heads/{name} {commit}\n" for name in names)
    subprocess.run(["git", "update-ref", "--stdin"], cwd=repo.remote, input=lines, text=True, check=True)


@pytest.mark.parametrize("count", [300, 2_100])
def test_many_branches_hide_no_quarantine(repo: Repo, count: int) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    names = [f"incident/acme-models/aaa/{number}" for number in range(count)]
    many(repo, names, repo.git("rev-parse", "origin/main~1"))
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    newest = repo.pull_requests()[-1]
    commit = git(repo.remote, "rev-parse", newest["head"])
    assert repo.live_at(commit)["stable"] == "40"
    assert ("[incident]" in answer.out) == (count > 2_000), "what was not looked at may be of any version"


def test_an_incident_that_a_rollback_brings_along_hides_none_of_its_own(repo: Repo) -> None:
    """42 fails, 43 fails, and neither rollback is merged: 44 goes back to 41."""
    forge_users.promote(repo)
    for new in ("43", "44"):
        assert repo.breach(repo.live.stable, "latency-sla").status == 0
        repo.record(new)
        live = repo.live.model_copy(update={"stable": new, "known_good": [repo.live.stable, *repo.live.known_good]})
        forge_users.set_live(repo, live, f"Promote {new}")
    assert repo.breach("44", "latency-sla").status == 0
    assert repo.live_at(head_of(repo, 3))["stable"] == "41"
    assert repo.breach("44", "latency-sla").out.startswith("adopted pull request 3: ")


def test_a_step_brings_no_second_incident_for_one_failure(repo: Repo) -> None:
    alone = repo.live.model_copy(update={"candidate": None, "stage": None, "known_good": []})
    forge_users.set_live(repo, alone, "Stand alone")
    assert repo.breach("41", "latency-sla").status == 1
    forge_users.set_live(repo, alone.model_copy(update={"candidate": "42"}), "Propose 42")
    assert repo.breach("41", "latency-sla").status == 1
    assert [each["state"] for each in repo.pull_requests()] == ["open"]


def shared(repo: Repo) -> None:
    """Fraud and churn take 42 at 100%, with user-profile 12 alone."""
    forge_users.serve_too(repo, "churn")
    for name in ("fraud", "churn"):
        path = f"rollouts/{name}.yaml"
        repo.write(path, repo.at("HEAD", path).replace("stage: canary-5  ", "stage: full  "))
    repo.edit("components/user-profile.yaml", '["11", "12"]  ', '["12"]\n  exclusive: true\n  ')
    repo.render()
    repo.commit("Switch at once")


def test_a_pushed_branch_takes_no_other_rollout_along_by_itself(repo: Repo) -> None:
    shared(repo)
    evil = repo.clone("evil")
    payload = evil.payload(evil.alert("42", "latency-sla", rollout="churn"), name="evil.json")
    out = evil.run("rollback", "--breach", payload, "--dry-run").out
    branch = next(line.split()[1] for line in out.splitlines() if line.startswith("branch "))
    evil.git("push", "-q", "origin", f"{out.split()[1]}:refs/heads/{branch}")
    assert repo.breach("42", "latency-sla").status == 0
    assert pull(repo, 1)["draft"]
    assert not is_armed(repo, 1)


@pytest.mark.parametrize("version", [["--version", "42"], []])
def test_an_order_of_one_rollout_arms_no_other(repo: Repo, version: list[str]) -> None:
    shared(repo)
    assert repo.breach("42", "drift", rollout="churn").status == 0
    answer = repo.run("rollback", "fraud", *version, "--reason", "bad", "--auto-merge")
    assert answer.status == 0, answer.text
    newest = repo.pull_requests()[-1]
    assert (newest["draft"], newest["autoMerge"]) == (True, False)
    assert "fraud 42 needs" not in newest["body"]


def test_a_pause_holds_no_order_that_takes_another_rollout_along(repo: Repo) -> None:
    shared(repo)
    assert repo.breach("42", "drift", rollout="churn").status == 0
    repo.write(".rollout-spec-pause", "reason: The cluster is being moved.\n")
    repo.commit("Pause")
    before = len(repo.pull_requests())
    answer = repo.run("rollback", "fraud", "--reason", "bad", "--auto-merge")
    assert answer.status == 0, answer.text
    assert len(repo.pull_requests()) == before + 1
    newest = repo.pull_requests()[-1]
    assert (newest["draft"], newest["autoMerge"]) == (True, False)
    assert "an automatic rollback would have been held: .rollout-spec-pause pauses the automation" in answer.err


@pytest.mark.parametrize("state", ["OPEN", "Closed", None])
def test_an_odd_state_of_a_pull_request_hides_nothing(repo: Repo, state: str | None) -> None:
    words = ("--breach", repo.payload(repo.alert("42", "latency-sla")))
    repo.run("rollback", *words)
    forge_users.edit_pull(repo, 1, state=state)
    repo.edit("rollouts/fraud.yaml", 'stable: "41"   ', 'stable: "41" # ours  ')
    repo.commit("Comment beside live")
    answer = repo.run("rollback", *words)
    assert answer.status == 0, answer.text
    assert [each["state"] for each in repo.pull_requests()] == [state, "open"]


@pytest.mark.parametrize("fields", [{"comments": None}, {"comments": [1]}, {"reviewers": None}, {"labels": 1}])
def test_odd_fields_of_a_pull_request_are_no_traceback(repo: Repo, fields: dict[str, object]) -> None:
    words = ("--breach", repo.payload(repo.alert("42", "latency-sla")))
    repo.run("rollback", *words)
    forge_users.edit_pull(repo, 1, **fields)
    repo.edit("rollouts/fraud.yaml", 'stable: "41"   ', 'stable: "41" # ours  ')
    repo.commit("Comment beside live")
    assert "unexpected" not in repo.run("rollback", *words).text


def test_a_broken_file_of_another_pull_request(repo: Repo) -> None:
    folder = Path(f"{repo.remote}.pulls")
    folder.mkdir()
    (folder / "1.json").write_text("{")
    answer = repo.breach("42", "latency-sla")
    assert answer.out.startswith("opened pull request 2: "), answer.text


@pytest.mark.parametrize(
    "path",
    [
        "incidents/2026.11/fraud-41.yaml",
        "incidents/2026/q4/fraud-41.yaml",
        "incidents/fraud-41.yaml.txt",
        "incidents/fraud-41",
    ],
)
def test_an_incident_in_an_odd_place_hides_no_quarantine(repo: Repo, path: str) -> None:
    forge_users.promote(repo)
    repo.write(path, forge_users.incident_text("41"))
    repo.render()
    repo.commit("Open incident")
    checked = repo.run("check")
    assert checked.status == 1
    assert path in checked.out
    repo.breach("42", "latency-sla")
    assert repo.live_at(head_of(repo, 1))["stable"] != "41"


@pytest.mark.parametrize("way", ["closed", "merged"])
def test_a_head_that_brings_an_incident_along_stays_ours(repo: Repo, way: str) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    assert repo.breach("42", "latency-sla").status == 0
    if way == "merged":
        repo.write("incidents/fraud-41.yaml", repo.at(head_of(repo, 1), "incidents/fraud-41.yaml"))
        repo.render()
        repo.commit("Take the incident over")
    forge_users.edit_pull(repo, 1, state="closed", closedAt="2026-11-20T09:00:00Z")
    answer = repo.breach("42", "latency-sla")
    assert "has an unexpected commit" not in answer.err, answer.text
    assert "is not one that this tool would build" not in answer.text
    assert len([each for each in repo.pull_requests() if each["state"] == "open"]) == 1, answer.text


def test_a_branch_that_moves_meanwhile(repo: Repo) -> None:
    forge_users.serve_too(repo, "churn")
    repo.breach("42", "latency-sla", rollout="churn")
    head = pull(repo, 1)["head"]
    bot = repo.clone("bot", "--single-branch")
    real, count = Remote.branches, iter(range(100))

    def moved(self: Remote, *patterns: str) -> dict[str, str]:
        found = real(self, *patterns)
        if any("rollback" in each for each in patterns) and head in found:
            push_tree(repo, head, "origin/main", {"n.md": str(next(count))}, "x")
        return found

    with mock.patch.object(Remote, "branches", moved):
        answer = bot.breach("42", "latency-sla")
    assert answer.status == 0, answer.text


def test_an_alert_that_cannot_be_read_is_no_success(repo: Repo) -> None:
    forge_users.serve_too(repo, "churn")
    bad = repo.alert("42", "latency-sla") | {"startsAt": "0001-01-01T00:00:00Z"}
    answer = repo.run("rollback", "--breach", repo.payload(bad, repo.alert("42", "latency-sla", rollout="churn")))
    assert answer.status == 1, answer.text
    assert len(repo.pull_requests()) == 1


def test_alerts_that_were_cut_off_are_no_success(repo: Repo) -> None:
    resolved = repo.alert("42", "latency-sla") | {"status": "resolved"}
    assert repo.run("rollback", "--breach", repo.payload(resolved, truncatedAlerts=7)).status == 1


def test_an_open_rollback_of_another_workspace_asks_a_person(tmp_path: Path) -> None:
    us = Repo.create(tmp_path, prefix="us")
    eu = Repo(us.folder, us.remote, "eu", us.clock)
    for path in us.workspace.rglob("*"):
        if path.is_file():
            eu.write(str(path.relative_to(us.workspace)), path.read_text("utf-8"))
    for each in (us, eu):
        file = each.workspace / ".rollout-spec.yaml"
        text = file.read_text("utf-8").replace("name: acme-models", f"name: {each.prefix}")
        text = text.replace("spec:\n", "spec:\n  incidentsFrom: [../us]\n", 1) if each is eu else text
        file.write_text(text[: text.index("  automation:")] + "  automation:\n    mode: auto-merge\n", "utf-8")
        each.render()
    us.commit("Two")
    assert us.run("rollback", "fraud", "--version", "41", "--reason", "bad").status == 0
    forge_users.promote(eu)
    answer = eu.run("rollback", "--breach", eu.payload(eu.alert("42", "latency-sla", workspace="eu")))
    assert "[incident]" in answer.out, answer.text
    assert not is_armed(eu, 2)


def test_a_workspace_that_was_renamed_forgets_no_quarantine(repo: Repo) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    file = repo.workspace / ".rollout-spec.yaml"
    file.write_text(file.read_text("utf-8").replace("name: acme-models", "name: acme2"), "utf-8")
    repo.render()
    repo.commit("Rename")
    repo.run("rollback", "--breach", repo.payload(repo.alert("42", "latency-sla", workspace="acme2")))
    assert repo.live_at(head_of(repo, 2))["stable"] == "40"


def test_a_workspace_that_was_renamed_keeps_no_outdated_rollback_armed(repo: Repo) -> None:
    forge_users.promote(repo)
    assert repo.breach("42", "latency-sla").status == 0
    assert is_armed(repo, 1)
    forge_users.open_incident(repo, "41")
    repo.edit(".rollout-spec.yaml", "name: acme-models", "name: acme-two")
    repo.render()
    repo.commit("Rename the workspace")
    answer = repo.breach("42", "latency-sla", workspace="acme-two")
    assert answer.status == 0, answer.text
    assert repo.live_at(head_of(repo, 2))["stable"] == "40"
    assert pull(repo, 1)["state"] == "closed", answer.text


def test_a_version_whose_name_begins_like_another_is_another(repo: Repo) -> None:
    repo.take(transitions.withdraw, "Withdraw")
    repo.record("41-20200117", like="42")
    repo.take(lambda live: live.model_copy(update={"candidate": "41-20200117", "stage": "canary-5"}), "Canary")
    repo.breach("41-20200117", "latency-sla")
    repo.breach("41", "latency-sla")
    assert pull(repo, 1)["state"] == "open"


@pytest.mark.parametrize("trigger", ["drift", "latency-sla"])
def test_a_branch_that_was_brought_up_to_date_is_armed_at_its_new_head(repo: Repo, trigger: str) -> None:
    repo.breach("42", trigger)
    branch = pull(repo, 1)["head"]
    repo.write("docs/a.md", "a\n")
    repo.commit("Write")
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "work", f"origin/{branch}")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge main", "main")
    repo.git("push", "-q", "origin", f"HEAD:{branch}")
    repo.git("checkout", "-q", "main")
    repo.breach("42", "latency-sla")
    assert is_armed(repo, 1)
    assert pull(repo, 1)["headSha"] == head_of(repo, 1)


def test_a_comment_of_a_person_stays(repo: Repo) -> None:
    repo.breach("42", "drift")
    mine = "Look here <!-- rollout-spec: breach-latency-sla -->: I found the cause, do not merge!"
    forge_users.edit_pull(repo, 1, comments=[mine])
    repo.breach("42", "latency-sla")
    assert mine in pull(repo, 1)["comments"]


@pytest.mark.parametrize("words", ["Close [skip ci]", "Close\n\nskip-checks: true", "Close [No CI]"])
def test_a_head_that_starts_no_checks_is_replaced(repo: Repo, words: str) -> None:
    branch, commit = dry(repo)
    tree = f"{commit}^{{tree}}"
    evil = repo.git("commit-tree", tree, "-p", f"{commit}^", "-m", words)
    repo.git("push", "-q", "origin", f"{evil}:refs/heads/{branch}")
    assert repo.breach("42", "latency-sla").status == 0
    assert (head_of(repo, 1) != evil, is_armed(repo, 1)) == (True, True)


def test_a_rollback_quotes_no_words_that_start_no_checks(repo: Repo) -> None:
    forge_users.advance(repo)
    forge_users.set_live(repo, repo.live.model_copy(update={"stage": "full"}), "Let 42 answer all [skip ci]")
    assert repo.breach("42", "latency-sla").status == 0
    message = git(repo.remote, "log", "-1", "--format=%B", head_of(repo, 1))
    assert message.startswith("Revert fraud 42 to 41: latency-sla at full\n")
    assert "skip ci" not in message + pull(repo, 1)["title"]
    assert is_armed(repo, 1)
    assert repo.breach("42", "latency-sla").out.startswith("adopted pull request 1: ")


@given(st.text(alphabet="[]skip-checks no_CI*:\n", max_size=60) | st.sampled_from(["a [azp skip] b", "***NO_CI***"]))
def test_no_message_keeps_words_that_start_no_checks(text: str) -> None:
    assert not starts_no_checks(with_checks(text))


def dry(repo: Repo) -> tuple[str, str]:
    """Return the branch and the commit that a rollback of 42 would have."""
    out = repo.run("rollback", "--breach", repo.payload(repo.alert("42", "latency-sla")), "--dry-run").out
    return next(line.split()[1] for line in out.splitlines() if line.startswith("branch ")), out.split()[1]


def test_names_that_are_taken_beforehand(repo: Repo) -> None:
    branch, _ = dry(repo)
    base = repo.git("rev-parse", "origin/main")
    commits = (
        f"commit refs/heads/{branch}{f'-{number}' if number > 1 else ''}\n"
        f"committer A <a@b> {number} +0000\ndata 1\nx\nfrom {base}\n\n"
        for number in range(1, 101)
    )
    words = ["git", "fast-import", "--quiet"]
    subprocess.run(words, cwd=repo.remote, input="".join(commits), text=True, check=True)
    answer = repo.breach("42", "latency-sla")
    assert is_armed(repo, 1), answer.text
    head = pull(repo, 1)["head"]
    assert re.fullmatch(rf"{branch}-[0-9a-f]{{12}}", head)
    assert repo.breach("42", "latency-sla").out.startswith("adopted pull request 1: "), (
        "of the same breach there is one"
    )


def test_forged_branches_keep_no_outdated_rollback_armed(repo: Repo) -> None:
    forge_users.promote(repo)
    repo.breach("42", "latency-sla")
    commit = push_tree(repo, "rollback/acme-models/fraud/42-00000000", "origin/main", {"n.md": "x"}, "x")
    many(repo, [f"rollback/acme-models/fraud/42-{number:08x}" for number in range(1, 40)], commit)
    forge_users.open_incident(repo, "41")
    assert repo.breach("42", "latency-sla").status == 0
    assert [each["state"] for each in repo.pull_requests()] == ["closed", "open"]
    assert repo.live_at(head_of(repo, 2))["stable"] == "40"


def test_what_cannot_be_answered_keeps_no_other_waiting(repo: Repo) -> None:
    forge_users.serve_too(repo, "churn")
    real = breach_order.strongest_breach

    def broken(group: list[Breach], base: Base, now: datetime) -> Breach:
        if group[0].rollout == "churn":
            raise ValueError("odd")
        return real(group, base, now)

    alerts = [repo.alert("42", "latency-sla", rollout=name) for name in ("churn", "fraud")]
    with mock.patch.object(response, "strongest_breach", broken):
        answer = repo.run("rollback", "--breach", repo.payload(*alerts))
    assert answer.status == 3
    assert "unexpected ValueError: odd" in answer.err
    assert is_armed(repo, 1)


def test_a_pull_request_of_a_fork_is_not_ours(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub's filter ``head=acme:BRANCH`` names an owner: a fork of the same organization is listed too."""
    shape = FakeGitHub._pull

    def listed(self: FakeGitHub, request: Any, user: Any, _: Any) -> Answer:
        head = request.query.get("head", "").partition(":")[2]
        return Answer(200, [self._pull(each) for each in reversed(self.pulls) if each.head == head])

    def of_a_fork(self: FakeGitHub, pull: Pull, *, whole: bool = False) -> dict[str, Any]:
        told: dict[str, Any] = shape(self, pull, whole=whole)
        if pull.fork:
            fork = {**told["base"]["repo"], "full_name": "acme/models-fork", "name": "models-fork", "id": 99}
            told["head"] = {**told["head"], "sha": self.branch("main"), "repo": {**fork, "fork": True}}
        return told

    monkeypatch.setattr(FakeGitHub, "_list", listed)
    monkeypatch.setattr(FakeGitHub, "_pull", of_a_fork)
    branch, _ = dry(repo)
    let_in(monkeypatch)
    with hosted("github", repo.remote) as place:
        point_to(repo, place)
        forged = Pull(1, "Evil", "", branch, "main", "mallory", False, fork=True)
        forged.sha = place.host.branch("main")
        place.host.pulls.append(forged)
        assert repo.breach("42", "latency-sla").status == 0
        assert [each.fork for each in place.host.pulls] == [True, False]


def add_incident(repo: Repo, branch: str, version: str, way: str) -> str:
    """Add an incident to a branch, by a commit of its own or by amending the last one; return the new head."""
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "work", f"origin/{branch}")
    repo.write(f"incidents/fraud-{version}.yaml", forge_users.incident_text(version))
    repo.git("add", "--all")
    repo.git("commit", "-q", "-m", "Add an incident", *(["--amend"] if way == "instead" else []))
    repo.git("push", "-q", "--force", "origin", f"HEAD:{branch}")
    repo.git("checkout", "-q", "main")
    return git(repo.remote, "rev-parse", branch)


@pytest.mark.parametrize("way", ["on top", "instead"])
def test_a_branch_to_which_an_incident_was_added_is_left_alone(repo: Repo, way: str) -> None:
    repo.breach("42", "drift")
    theirs = add_incident(repo, pull(repo, 1)["head"], "40", way)
    assert repo.breach("42", "latency-sla").status == 0
    assert head_of(repo, 1) == theirs
    assert not is_armed(repo, 1)
    assert len(repo.pull_requests()) == 2


@pytest.mark.parametrize("copies", [0, 1])
@pytest.mark.parametrize("way", ["on top", "instead"])
def test_an_incident_added_where_a_version_was_passed_over_is_kept(repo: Repo, way: str, copies: int) -> None:
    """The tool would bring incidents along that made it pass over 41, and this one is no such, however often pushed."""
    forge_users.promote(repo)
    forge_users.open_incident(repo, "41")
    repo.breach("42", "drift")
    branch = pull(repo, 1)["head"]
    theirs = add_incident(repo, branch, "39", way)
    edits: dict[str, str | None] = {"incidents/fraud-39.yaml": forge_users.incident_text("39")}
    for number in range(copies):
        push_tree(repo, f"rollback/acme-models/fraud/39-0000000{number}", "origin/main", edits, "Open incident")
    assert repo.breach("42", "latency-sla").status == 0
    assert git(repo.remote, "rev-parse", branch) == theirs
    assert not is_armed(repo, 1)
    assert len(repo.pull_requests()) == 2


def test_an_incident_whose_name_the_base_has_for_another_version_asks_a_person(repo: Repo) -> None:
    forge_users.promote(repo)
    repo.write("incidents/fraud-41-2.yaml", forge_users.incident_text("41-2", name="fraud-41-2"))
    repo.render()
    repo.commit("Open an incident of 41-2")
    edits: dict[str, str | None] = {"incidents/fraud-41-2.yaml": forge_users.incident_text("41", name="fraud-41-2")}
    push_tree(repo, "incident/acme-models/fraud/41-00000000", "origin/main", edits, "Open incident")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert not is_armed(repo, 1), answer.text
    assert "the base has that of another version by this name" in answer.text


def test_a_head_with_a_made_up_quarantine_is_not_ours(repo: Repo, tmp_path: Path) -> None:
    """It has the tree that this tool would build if 41 had an open incident."""
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    evil = repo.copy(tmp_path / "evil")
    assert evil.breach("42", "latency-sla").status == 0
    git(repo.remote, "update-ref", "-d", f"refs/heads/{pull(repo, 1)['head']}")
    Path(f"{repo.remote}.pulls/1.json").unlink()
    branch, _ = dry(repo)
    theirs = head_of(evil, 1)
    git(repo.remote, "fetch", "-q", str(evil.remote), f"{theirs}:refs/heads/{branch}")
    assert repo.breach("42", "latency-sla").status == 0
    assert git(repo.remote, "rev-parse", branch) == theirs
    assert repo.live_at(head_of(repo, 1))["stable"] == "41"


def test_what_bars_the_last_way_back_is_brought_along(repo: Repo) -> None:
    """Once the incident of 41 is merged, the incident of 42 is still one that this tool would build."""
    forge_users.set_live(
        repo, repo.live.model_copy(update={"candidate": None, "stage": None, "known_good": []}), "Alone"
    )
    assert repo.breach("41", "latency-sla").status == 1
    incident = repo.at(head_of(repo, 1), "incidents/fraud-41.yaml")
    live = repo.live.model_copy(update={"stable": "42", "known_good": ["41"]})
    forge_users.set_live(repo, live, "Promote 42")
    assert repo.breach("42", "latency-sla").status == 1
    repo.write("incidents/fraud-41.yaml", incident)
    repo.render()
    repo.commit("Merge the incident of 41")
    assert repo.breach("42", "latency-sla").status == 1
    assert [each["state"] for each in repo.pull_requests()] == ["open", "open"]


@pytest.mark.parametrize("recorded", [False, True], ids=["new", "on the base"])
def test_a_rollback_to_a_version_that_failed_since_is_closed(repo: Repo, recorded: bool) -> None:
    """It would merge itself, and restore a version that is quarantined by now, as are all others."""
    forge_users.promote(repo)
    assert repo.breach("42", "latency-sla").status == 0
    assert is_armed(repo, 1)
    for version in ("41", "40"):
        forge_users.open_incident(repo, version)
    if recorded:
        forge_users.open_incident(repo, "42")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 1, answer.text
    one = pull(repo, 1)
    assert (one["state"], "superseded" in one["labels"]) == ("closed", True), answer.text
    assert "No known-good version can serve instead of fraud 42 now" in one["comments"][-1]
    assert "is out of date, and was closed" in answer.err


def test_a_branch_alone_closes_no_rollback(repo: Repo) -> None:
    """The tool would build it on an older base, where 40 was live: so it quarantines 40 as long as it is there."""
    forge_users.promote(repo)
    forge_users.open_incident(repo, "41")
    old = forge_users.set_live(repo, repo.live.model_copy(update={"stable": "40", "known_good": []}), "Serve 40 again")
    assert repo.breach("40", "latency-sla").status == 1
    forge_users.set_live(
        repo, repo.live.model_copy(update={"stable": "42", "known_good": ["41", "40"]}), f"Undo {old[:7]}"
    )
    forge_users.edit_pull(repo, 1, state="closed", closedAt="2026-11-20T09:00:00Z")
    assert repo.breach("42", "latency-sla").status == 0
    assert is_armed(repo, 2)
    Path(f"{repo.remote}.pulls/1.json").unlink()
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 1, answer.text
    assert is_armed(repo, 2)


@pytest.fixture
def stuck(repo: Repo) -> Repo:
    """42 failed, and 41 too; 40 has an incident on the base. Pull request 2 opens the incident of 42 alone."""
    assert repo.breach("41", "latency-sla").status == 0
    live = repo.live.model_copy(update={"stable": "42", "known_good": ["41", "40"], "candidate": None, "stage": None})
    forge_users.set_live(repo, live, "Promote 42")
    forge_users.open_incident(repo, "40")
    assert repo.breach("42", "latency-sla").status == 1
    assert pull(repo, 2)["head"].startswith("incident/acme-models/fraud/42-")
    assert "incidents/fraud-41.yaml" in repo.git("ls-tree", "-r", "--name-only", head_of(repo, 2))
    return repo


def forget_the_rollback_of_41(repo: Repo) -> None:
    git(repo.remote, "update-ref", "-d", f"refs/heads/{pull(repo, 1)['head']}")
    forge_users.edit_pull(repo, 1, state="closed", closedAt="2026-11-20T09:00:00Z")


def test_an_incident_alone_is_closed_once_a_version_can_serve(stuck: Repo) -> None:
    """It brings the incident of 41 along, whose branch is gone."""
    forget_the_rollback_of_41(stuck)
    answer = stuck.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert stuck.live_at(head_of(stuck, 3))["stable"] == "41"
    old = pull(stuck, 2)
    assert (old["state"], "superseded" in old["labels"]) == ("closed", True), answer.text
    assert "takes fraud 42 back to 41 now" in old["comments"][-1]
    assert stuck.breach("42", "latency-sla").status == 0
    assert is_armed(stuck, 3)


@pytest.mark.parametrize("way", ["ours", "on top", "instead"])
def test_a_rollback_is_closed_if_the_incident_that_decided_its_target_is_gone(repo: Repo, way: str) -> None:
    """A person closed the rollback of 41 and deleted its branch. Nobody may close what a person added to."""
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    repo.run("rollback", "fraud", "--reason", "42 is bad", "--auto-merge")
    assert repo.live_at(head_of(repo, 2))["stable"] == "40"
    assert is_armed(repo, 2)
    if way != "ours":
        add_incident(repo, pull(repo, 2)["head"], "39", way)
    forget_the_rollback_of_41(repo)
    answer = repo.breach("42", "latency-sla")
    assert repo.live_at(head_of(repo, 3))["stable"] == "41", answer.text
    assert pull(repo, 2)["state"] == ("closed" if way == "ours" else "open"), answer.text


@pytest.mark.parametrize("way", ["on top", "instead"])
def test_an_incident_alone_to_which_a_person_added_another_stays_open(stuck: Repo, way: str) -> None:
    theirs = add_incident(stuck, pull(stuck, 2)["head"], "39", way)
    forget_the_rollback_of_41(stuck)
    answer = stuck.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert (pull(stuck, 2)["state"], head_of(stuck, 2)) == ("open", theirs)
    assert not is_armed(stuck, 3)


def test_an_incident_alone_stays_open_while_no_version_can_serve(stuck: Repo) -> None:
    forge_users.edit_pull(stuck, 2, body="mine")
    assert stuck.breach("42", "latency-sla").status == 1
    assert [each["state"] for each in stuck.pull_requests()] == ["open", "open"]


def padded(version: str, name: str, size: int) -> str:
    text = forge_users.incident_text(version, name=name)
    return text + "# x\n" * ((size - len(text)) // 4)


HEAVY = {
    "an incident of more than 64 KiB": (66_000,),
    "21 incidents": (400,) * 21,
    "incidents of more than 128 KiB together": (50_000,) * 3,
}


@pytest.mark.parametrize("what", HEAVY)
def test_incidents_on_a_branch_that_are_too_large_or_many_are_not_read(repo: Repo, what: str) -> None:
    """They may be of any version; a person who closes their pull request ends that."""
    forge_users.promote(repo)
    edits: dict[str, str | None] = {
        f"incidents/fraud-39-{number}.yaml": padded("39", f"fraud-39-{number}", size)
        for number, size in enumerate(HEAVY[what], 2)
    }
    branch = "incident/acme-models/fraud/39-00000000"
    push_tree(repo, branch, "origin/main", edits, "Open incidents")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert f"a draft for a person: the branch {branch} has {what}" in answer.out
    assert not is_armed(repo, 1)
    repo.remote.with_name(f"{repo.remote.name}.pulls").joinpath("2.json").write_text(
        json.dumps({**pull(repo, 1), "number": 2, "head": branch, "state": "closed", "autoMerge": False})
    )
    answer = repo.breach("42", "latency-sla")
    assert is_armed(repo, 1), answer.text


@pytest.mark.parametrize(("limit", "value"), [("_MOST_SECONDS", -1.0), ("_MOST_BYTES", 10)])
def test_incidents_on_branches_that_take_too_long_together_are_in_doubt(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    monkeypatch.setattr(incident_limits, limit, value)
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert "has incidents that are not read: those of others took too long [incident]" in answer.out
    assert not is_armed(repo, 2)


def test_an_old_branch_has_none_of_the_incidents_that_the_base_changed_since(repo: Repo) -> None:
    names = [f"fraud-39-{number}" for number in range(2, 24)]
    for name in names:
        repo.write(f"incidents/{name}.yaml", forge_users.incident_text("39", name=name))
    repo.render()
    repo.commit("Open incidents")
    push_tree(repo, "rollback/acme-models/fraud/43-00000000", "origin/main", {"n.md": "x"}, "x")
    for name in names:
        repo.edit(f"incidents/{name}.yaml", "source: ada", "source: bob")
    repo.commit("Change them all")
    forge_users.promote(repo)
    answer = repo.breach("42", "latency-sla")
    assert is_armed(repo, 1), answer.text
