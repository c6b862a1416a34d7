"""Branches that do not arrive, or are costly to read, neither prevent a rollback nor hide an incident."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import forge_users
import pytest
from forge_users import automate, head_of, is_armed, pull, push_tree
from repo import Repo, git

from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges.local import LocalForge
from rollout_spec.integrations.git import remote as remotes
from rollout_spec.integrations.git import trees
from rollout_spec.integrations.git.command import GitError
from rollout_spec.integrations.git.objects import Entry
from rollout_spec.workflows import branch_heads, incident_limits, open_incidents
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.rebuild import Incidents, incidents_of_head

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    automate(repo, "cooldown: 0s")
    return repo


@pytest.fixture
def repo(made: Repo, tmp_path: Path) -> Repo:
    """The example, with 42 in canary-5, 41 stable and 40 known good; hard triggers merge themselves."""
    return made.copy(tmp_path)


# Branches that do not arrive.


def lose(repo: Repo, commit: str, path: str) -> None:
    """Let the remote lose a file, so that it can list a branch and not send it."""
    oid = git(repo.remote, "rev-parse", f"{commit}:{path}")
    (repo.remote / "objects" / oid[:2] / oid[2:]).unlink()


def test_a_head_on_our_name_that_cannot_be_fetched_is_left_alone(repo: Repo) -> None:
    bot = repo.clone("bot")
    shown = repo.breach("42", "latency-sla", "--dry-run").out
    branch = next(line.split()[1] for line in shown.splitlines() if line.startswith("branch "))
    lose(repo, push_tree(repo, branch, "origin/main", {"large.md": "large\n"}, "x"), "large.md")
    answer = bot.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert pull(repo, 1)["head"] == f"{branch}-2"
    assert "has a commit that cannot be fetched" in answer.err
    assert is_armed(repo, 1)


def test_an_open_rollback_that_cannot_be_fetched_asks_a_person(repo: Repo) -> None:
    """It may quarantine any version: this one bars 41."""
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    bot = repo.clone("bot", "--single-branch")
    lose(repo, head_of(repo, 1), "incidents/fraud-41.yaml")
    answer = bot.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert f"the branch {pull(repo, 1)['head']} cannot be fetched [incident]" in answer.out
    assert not is_armed(repo, 2)


def test_branches_that_take_hours_to_arrive_are_given_up_and_hide_no_other(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    forge_users.serve_too(repo, "churn")
    bot = repo.clone("bot", "--single-branch")
    slow = {f"rollback/acme-models/fraud/40-{number:08x}" for number in range(1, 6)}
    for name in slow:
        push_tree(repo, name, "origin/main", {"large.md": name}, "x")
    clock, real = [0.0], remotes.Remote.fetch_branches

    def fetch(self: remotes.Remote, branches: dict[str, str], *, within: float | None = None) -> None:
        if slow & branches.keys():
            clock[0] += remotes.NETWORK_SECONDS if within is None else within
            raise GitError("git fetch failed", "no answer")
        real(self, branches, **({} if within is None else {"within": within}))

    monkeypatch.setattr(remotes.Remote, "fetch_branches", fetch)
    monkeypatch.setattr(open_incidents, "time", SimpleNamespace(monotonic=lambda: clock[0]), raising=False)
    alerts = [bot.alert(version, "latency-sla", rollout=name) for name, version in (("fraud", "42"), ("churn", "42"))]
    answer = bot.run("rollback", "--breach", bot.payload(*alerts))
    assert answer.status == 0, answer.text
    assert repo.live_at(head_of(repo, 2))["stable"] == "40"
    assert not is_armed(repo, 2)
    assert len(repo.pull_requests()) == 3
    assert clock[0] <= 120, "for all breaches together"


# Branches that are costly to read.


def test_each_of_many_branches_with_one_incident_is_examined_once(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each might be the one that reports the incident which the others only carry."""
    forge_users.promote(repo)
    names = [f"incident/acme-models/fraud/40-{number:08x}" for number in range(12)]
    for name in names:
        push_tree(repo, name, "origin/main", {"incidents/fraud-40.yaml": forge_users.incident_text("40")}, name)
    examined: list[str] = []

    def counted(base: Base, head: str) -> tuple[Base, Incidents] | None:
        examined.append(head)
        return incidents_of_head(base, head)

    monkeypatch.setattr(open_incidents, "incidents_of_head", counted)
    answer = repo.breach("42", "latency-sla")
    assert is_armed(repo, 1), answer.text
    assert sorted(examined) == sorted({git(repo.remote, "rev-parse", name) for name in names})


def test_folders_of_many_branches_do_not_stay_in_memory(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    forge_users.promote(repo)
    for number in range(12):
        edits: dict[str, str | None] = {f"incidents/{each}.txt": "x" for each in range(15)}
        push_tree(repo, f"incident/acme-models/fraud/x-{number}", "origin/main", {**edits, "n.md": f"{number}"}, "x")
    monkeypatch.setattr(trees, "_MOST_ENTRIES", 100, raising=False)
    most, real = [0], trees.Trees.folder

    def watched(self: trees.Trees, commit: str, folder: str) -> dict[str, Entry]:
        entries = real(self, commit, folder)
        most[0] = max(most[0], sum(map(len, self._folders.values())))
        return entries

    monkeypatch.setattr(trees.Trees, "folder", watched)
    answer = repo.breach("42", "latency-sla")
    assert is_armed(repo, 1), answer.text
    assert most[0] <= 100


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("_LARGEST_FOLDER", "has a folder of more than -1 MiB, which is not read"),
        ("_MOST_SECONDS_TO_LIST", "is not read: others took too long"),
    ],
)
def test_a_branch_whose_incidents_are_not_listed_may_have_any(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, limit: str, why: str
) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    monkeypatch.setattr(incident_limits, limit, -1)
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert f"the branch {pull(repo, 1)['head']} {why} [incident]" in answer.out
    assert not is_armed(repo, 2)


def test_a_head_on_our_name_with_a_large_folder_is_left_alone(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repo.breach("42", "latency-sla", "--dry-run").out
    branch = next(line.split()[1] for line in shown.splitlines() if line.startswith("branch "))
    edits: dict[str, str | None] = {f"incidents/{number}": "x" for number in range(50)}
    theirs = push_tree(repo, branch, "origin/main", edits, "x")
    monkeypatch.setattr(incident_limits, "_LARGEST_FOLDER", 1_000, raising=False)
    listed, real = set[str](), trees.Trees.folder

    def watched(self: trees.Trees, commit: str, folder: str) -> dict[str, Entry]:
        listed.add(f"{commit}:{folder}")
        return real(self, commit, folder)

    monkeypatch.setattr(trees.Trees, "folder", watched)
    answer = repo.breach("42", "latency-sla")
    assert pull(repo, 1)["head"] == f"{branch}-2", answer.text
    assert f"{theirs}:" in listed
    assert f"{theirs}:incidents" not in listed


def test_many_branches_of_steps_do_not_spend_the_time_of_the_forge(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests of one command share that time: the next rollback of a payload would not be opened."""
    tip = repo.tip()
    git(repo.remote, "branch", "-q", "advance/acme-models/fraud/42", tip)
    for number in range(40):
        git(repo.remote, "branch", "-q", f"advance/acme-models/fraud/x{number}", tip)
    asked, real = list[str](), LocalForge.find

    def find(self: LocalForge, head: str, base: str) -> PullRequest | None:
        asked.append(head)
        return real(self, head, base)

    monkeypatch.setattr(LocalForge, "find", find)
    answer = repo.breach("42", "latency-sla")
    assert is_armed(repo, 1), answer.text
    assert "advance/acme-models/fraud/42" in asked
    assert sum(head.startswith("advance/") for head in asked) <= 20
    assert "21 more branches are named like steps of fraud, and were not looked at" in answer.err


def test_an_open_rollback_that_is_not_examined_asks_a_person(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.run("rollback", "fraud", "--version", "41", "--reason", "41 is bad")
    forge_users.promote(repo)
    monkeypatch.setattr(branch_heads, "_MOST_SECONDS", -1.0, raising=False)
    monkeypatch.setattr(branch_heads.Heads, "_is_built_here", lambda *_: pytest.fail("it was examined"))
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert "was not examined: others took too long [incident]" in answer.out
    assert not is_armed(repo, 2)


def test_the_guards_count_an_open_rollback_that_is_not_examined(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    automate(repo, "cooldown: 0s", "maxRollbacksPerDay: 1")
    forge_users.serve_too(repo, "churn")
    assert repo.breach("42", "latency-sla", rollout="churn").status == 0
    forge_users.promote(repo)
    monkeypatch.setattr(branch_heads, "_MOST_SECONDS", -1.0, raising=False)
    monkeypatch.setattr(branch_heads.Heads, "_is_built_here", lambda *_: pytest.fail("it was examined"))
    answer = repo.breach("42", "latency-sla")
    assert "[rollbacks-per-day]" in answer.out, answer.text
