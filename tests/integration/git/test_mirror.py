"""A mirror is made whole, kept warm, and rolled back from without waiting for what it lacks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hosted_repositories import TOKEN, hosted, let_in, point_to
from repo import Repo, git, plain, run

from rollout_spec.core.locks import locked
from rollout_spec.integrations.git.folders import clear_locks

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"
BREACH = ("rollback", "fraud", "--reason", "errors", "--at", "2026-11-20T09:05:00Z")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example, a few commits long, on a remote that gives parts of itself."""
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    git(repo.remote, "config", "uploadpack.allowFilter", "true")
    repo.write("README.md", "Models\n")
    for owner in ("team-a", "team-b"):
        text = repo.at("HEAD", "rollouts/fraud.yaml")
        repo.write("rollouts/fraud.yaml", text.replace("owner: team-", f"owner: {owner}-", 1))
        repo.write("README.md", f"Models of {owner}\n")
        repo.commit("Move on")
    return repo


@pytest.fixture
def repo(made: Repo, tmp_path: Path) -> Repo:
    copied = made.copy(tmp_path)
    git(copied.folder, "remote", "set-url", "origin", copied.remote.as_uri())  # a path would be copied whole
    return copied


@pytest.fixture
def mirror(repo: Repo) -> Repo:
    """A warm mirror of the remote."""
    folder = repo.remote.parent / "models.git"
    answer = repo.run("mirror", "../models.git")
    assert answer.status == 0, answer.text
    assert answer.out == f"{folder}: main is at {repo.tip()}\n"
    return Repo(folder, repo.remote, clock=repo.clock)


def lacking(folder: Path) -> list[str]:
    """Return the ids of what can be reached and is not there."""
    told = git(folder, "rev-list", "--objects", "--missing=print", "--all").split()
    return [word.removeprefix("?") for word in told if word.startswith("?")]


def test_a_mirror_has_what_a_rollback_reads_and_no_more(repo: Repo, mirror: Repo) -> None:
    old = [repo.git("rev-parse", f"HEAD~{number}:README.md") for number in (1,)]
    assert lacking(mirror.folder) == old
    assert git(mirror.folder, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/rollout-spec/warm",
    ]
    assert (mirror.folder / "objects/info/commit-graphs/commit-graph-chain").is_file()


def test_a_rollback_from_a_mirror_is_the_one_from_a_clone(
    repo: Repo, mirror: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = repo.run(*BREACH, "--dry-run").out.split()[1]
    monkeypatch.setenv("GIT_NO_LAZY_FETCH", "1")
    answer = mirror.run(*BREACH)
    assert answer.status == 0, answer.text
    assert repo.tip(BRANCH) == expected
    assert len(repo.pull_requests()) == 1


def test_a_mirror_that_is_kept_warm_has_what_came(repo: Repo, mirror: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "owner: team-b-", "owner: team-c-")
    new = repo.commit("Move on")
    for folder in (repo.workspace, mirror.folder):
        words = ("mirror", "../models.git") if folder == repo.workspace else ("mirror",)
        assert run("--repo", str(folder), *words).out == f"{mirror.folder}: main is at {new}\n"
        assert len(lacking(mirror.folder)) == 1


def test_a_rollback_from_a_mirror_that_is_not_warm_fetches_what_came(repo: Repo, mirror: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "owner: team-b-", "owner: team-c-")
    repo.commit("Move on")
    expected = repo.run(*BREACH, "--dry-run").out.split()[1]
    assert mirror.run(*BREACH).status == 0
    assert repo.tip(BRANCH) == expected


def test_a_step_can_be_proposed_from_a_mirror_and_not_written_into_one(repo: Repo, mirror: Repo) -> None:
    answer = mirror.run("retreat", "fraud", "--pull-request")
    assert answer.status == 0, answer.text
    assert repo.branches() == ["retreat/acme-models/fraud/42"]
    for words in (("retreat", "fraud"), ("retreat", "fraud", "--commit"), ("render",), ("check",)):
        refused = mirror.run(*words)
        assert refused.status == 2
        assert f"{mirror.folder} is a bare repository without files" in refused.err


def test_manifests_are_written_from_a_mirror_but_not_into_it(mirror: Repo, tmp_path: Path) -> None:
    assert mirror.run(*BREACH, "--emit", str(tmp_path / "out")).status == 0
    assert (tmp_path / "out/README.md").is_file()
    refused = mirror.run(*BREACH, "--emit", "out")
    assert refused.status == 2
    assert "would be in the bare repository" in refused.err


@pytest.fixture
def two(tmp_path: Path) -> Repo:
    """A mirror of a repository with two workspaces."""
    repo = Repo.create(tmp_path, prefix="environments/prod")
    shutil.copytree(repo.workspace, repo.folder / "environments/staging")
    text = (repo.folder / "environments/staging/.rollout-spec.yaml").read_text("utf-8")
    repo.write("../staging/.rollout-spec.yaml", text.replace("name: acme-models", "name: acme-staging"))
    repo.commit("Stage")
    assert repo.run("mirror", "../../../models.git").status == 0
    return Repo(tmp_path / "models.git", repo.remote, "environments/prod", repo.clock)


def test_one_of_several_workspaces_is_named(two: Repo) -> None:
    refused = run("--repo", str(two.folder), *BREACH)
    assert refused.status == 2
    assert "has several workspaces: environments/prod, environments/staging" in refused.err
    assert f"choose one: --repo {two.folder}/environments/prod" in refused.err
    assert two.run(*BREACH).status == 0
    assert two.branches() == [BRANCH]
    assert run("--repo", f"{two.folder}/environments/staging/rollouts", *BREACH).status == 0
    assert two.branches() == [BRANCH, "rollback/acme-staging/fraud/42"]


def test_a_folder_of_no_workspace_says_so(two: Repo) -> None:
    refused = run("--repo", f"{two.folder}/environments/dev", *BREACH)
    assert refused.status == 2
    assert "no .rollout-spec.yaml in environments/dev" in refused.err


def test_what_is_there_already_is_left_alone(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes").write_text("mine")
    other = tmp_path / "other.git"
    git(tmp_path, "init", "-q", "--bare", str(other))
    git(other, "remote", "add", "origin", "https://example.com/x.git")
    for name, words in (
        ("full", "exists and is not a bare git repository"),
        ("clone", "exists and is not a bare git repository"),
        ("other.git", "is a mirror of https://example.com/x.git"),
    ):
        refused = repo.run("mirror", f"../{name}")
        assert refused.status == 2
        assert words in refused.err


def test_a_place_where_no_folder_can_be_is_told(repo: Repo) -> None:
    for place in ("/proc/models.git", "../clone/README.md/models.git"):
        refused = repo.run("mirror", place)
        assert refused.status == 2
        assert "models.git: " in refused.err


def test_of_two_who_make_a_mirror_one_is_faster(repo: Repo) -> None:
    words = [sys.executable, "-m", "rollout_spec", "--repo", str(repo.folder), "mirror", "../models.git"]
    bots = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = [(bot.communicate()[0], bot.returncode) for bot in bots]
    folder = repo.remote.parent / "models.git"
    assert told == [(f"{folder}: main is at {repo.tip()}\n", 0)] * 4
    assert sorted(each.name for each in repo.remote.parent.iterdir()) == ["clone", "models.git", "remote.git"]


LOCKS = (
    *("HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "index.lock", "refs/heads/main.lock"),
    *("refs/rollout-spec/warm.lock", "objects/info/commit-graphs/commit-graph-chain.lock", "objects/maintenance.lock"),
)


def test_locks_that_a_killed_git_left_are_removed(repo: Repo, mirror: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "owner: team-b-", "owner: team-c-")
    new = repo.commit("Move on")
    for name in LOCKS:
        (mirror.folder / name).write_text("")
    (mirror.folder / "rollout-spec.lock").write_text("")  # our own, where folders cannot be locked
    answer = mirror.run("mirror")
    assert (answer.status, answer.out) == (0, f"{mirror.folder}: main is at {new}\n"), answer.err
    assert [path.name for path in mirror.folder.rglob("*.lock")] == ["rollout-spec.lock"]


def test_a_lock_that_somebody_holds_is_kept(tmp_path: Path) -> None:
    held, gone, stale = (tmp_path / f"{name}.lock" for name in ("held", "gone", "stale"))
    for path in (held, gone, stale):
        path.write_text("")

    def work() -> None:
        for number in range(12):
            time.sleep(0.5)
            held.write_text("x" * number)  # git still writes it
            gone.unlink(missing_ok=True)

    thread = threading.Thread(target=work)
    thread.start()
    removed = clear_locks([held, gone, stale])
    thread.join()
    assert (removed, held.exists()) == ([stale], True)


def test_an_old_lock_is_not_waited_for(tmp_path: Path) -> None:
    stale = tmp_path / "stale.lock"
    stale.write_text("")
    os.utime(stale, (0, 0))
    begun = time.monotonic()
    assert clear_locks([stale]) == [stale]
    assert time.monotonic() - begun < 1


def test_mirrors_that_were_not_finished_are_removed_unless_somebody_makes_them(repo: Repo) -> None:
    place = repo.remote.parent
    for name in ("rollout-spec-killed", "rollout-spec-living", "mine"):
        (place / f".models.git.{name}/objects").mkdir(parents=True)
    with locked(place / ".models.git.rollout-spec-living", print):
        assert repo.run("mirror", "../models.git").status == 0
    left = sorted(path.name for path in place.iterdir() if path.name.startswith("."))
    assert left == [".models.git.mine", ".models.git.rollout-spec-living"]


def test_a_mirror_that_is_killed_while_it_is_made_is_made_anew(repo: Repo) -> None:
    words = [sys.executable, "-m", "rollout_spec", "--repo", str(repo.folder), "mirror", "../models.git"]
    process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
    place = repo.remote.parent
    end = time.monotonic() + 60
    while not list(place.glob(".models.git.*")) and time.monotonic() < end:
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert list(place.glob(".models.git.*"))
    assert repo.run("mirror", "../models.git").status == 0
    assert not list(place.glob(".models.git.*"))


def test_a_mirror_that_cannot_be_made_leaves_nothing(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(repo.remote.parent.iterdir())
    monkeypatch.setattr("rollout_spec.integrations.git.remote.Remote.follow", lambda *words: git(repo.remote, "fail"))
    assert repo.run("mirror", "../models.git").status == 3
    assert sorted(repo.remote.parent.iterdir()) == before


def test_a_clone_without_a_remote_has_no_mirror(repo: Repo) -> None:
    repo.git("remote", "remove", "origin")
    refused = repo.run("mirror", "../models.git")
    assert (refused.status, "no git remote here" in refused.err) == (2, True)


def test_a_mirror_is_told_where_it_is_and_a_clone_where_it_goes(repo: Repo, mirror: Repo) -> None:
    for refused in (repo.run("mirror"), mirror.run("mirror", "x")):
        assert (refused.status, "name the mirror" in refused.err) == (2, True)


def test_many_who_keep_one_mirror_wait_for_each_other(repo: Repo, mirror: Repo) -> None:
    repo.write("README.md", "New\n")
    new = repo.commit("Move on")
    words = [sys.executable, "-m", "rollout_spec", "--repo", str(mirror.folder), "mirror"]
    bots = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = [(*bot.communicate(), bot.returncode) for bot in bots]
    assert told == [(f"{mirror.folder}: main is at {new}\n", "", 0)] * 4


def test_the_url_of_a_mirror_holds_no_credentials(repo: Repo) -> None:
    url = "http://ada:secret@127.0.0.1:1/x.git"
    git(repo.folder, "remote", "add", "token", url)
    from rollout_spec.integrations.git.repository import Git

    remote = Git(repo.folder).remote("token")
    assert remote is not None
    assert (remote.url, remote.address) == (url, "http://127.0.0.1:1/x.git")


def test_a_whole_bare_clone_stays_whole(repo: Repo) -> None:
    folder = repo.remote.parent / "whole.git"
    git(repo.remote.parent, "clone", "-q", "--bare", repo.remote.as_uri(), str(folder))
    repo.write("README.md", "New\n")
    new = repo.commit("Move on")
    assert run("--repo", str(folder), "mirror").out == f"{folder}: main is at {new}\n"
    assert lacking(folder) == []
    assert run("--repo", str(folder), *BREACH).status == 0


def test_many_bots_share_one_mirror(repo: Repo, mirror: Repo) -> None:
    repo.write("README.md", "New\n")
    repo.commit("Move on")  # which all of them fetch
    words = [sys.executable, "-m", "rollout_spec", "--repo", str(mirror.folder), *BREACH]
    bots = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    told = [(*bot.communicate(), bot.returncode) for bot in bots]
    held = r"an automatic rollback would have been held: the breach is [^\n]* \[age\]\n"  # it has a real clock
    assert {re.sub(held, "", error) for _, error, _ in told} == {""}
    assert {status for _, _, status in told} == {0}
    assert (repo.branches(), len(repo.pull_requests())) == ([BRANCH], 1)


def test_a_mirror_of_a_forge_is_shown_the_token_and_keeps_none(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    let_in(monkeypatch)
    folder = repo.remote.parent / "models.git"
    with hosted("gitea", repo.remote) as place:
        point_to(repo, place)
        git(repo.folder, "remote", "set-url", "origin", place.host.clone_url.replace("://", f"://bot:{TOKEN}@"))
        assert repo.run("mirror", str(folder)).status == 0
        assert TOKEN not in (folder / "config").read_text("utf-8")
        assert lacking(folder)
        answer = run("--repo", str(folder), *BREACH)
        assert answer.status == 0, answer.text
        assert [plain(pull.head) for pull in place.host.pulls] == [BRANCH]
        monkeypatch.delenv("ROLLOUT_SPEC_TOKEN")
        refused = run("--repo", str(folder), "mirror")
        assert refused.status == 3
        assert "see docs/forges.md for the token that git sends" in refused.err
