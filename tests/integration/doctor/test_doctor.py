"""The doctor looks at a clone, its remote and the workspace on the base; what is wrong with one hides no other."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from doctor_runs import doctor
from real_servers import CHECKOUT
from repo import NINE, Repo, git, run
from ssh_signing import configured_for_ssh, hide_the_committer

from rollout_spec.integrations.git.command import GitError
from rollout_spec.integrations.git.repository import Git
from rollout_spec.workflows.doctor import clone as cloned

pytestmark = pytest.mark.system

ALL = [
    *("git", "remote", "workspace", "automation", "workspace-name", "pause", "clone", "history", "commit", "push"),
    *("forge", "permissions", "protection", "clock", "prometheus", "way-back"),
]
"""The checks where the forge is a repository on this disk, in order."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    git(repo.remote, "config", "uploadpack.allowFilter", "true")
    repo.write("README.md", "Models\n")
    repo.commit("Say what this is")
    return repo


def mode(repo: Repo, word: str) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request ", f"mode: {word} ")
    repo.commit(f"Let the mode be {word}")


def test_where_nothing_is_missing_it_says_so(repo: Repo) -> None:
    found = doctor(repo)
    assert [each["name"] for each in found.checks] == ALL
    assert (found.status, found.all("failed", "unknown")) == (0, set())
    assert found.all("warning") == {"protection", "prometheus"}
    found.says("workspace", rf"acme-models, on main at {repo.tip()[:12]}$")
    found.says("remote", rf"origin is {re.escape(str(repo.remote))}, and has main")
    found.says("git", r"git \d+\.\d+")


def test_nothing_is_changed(repo: Repo) -> None:
    def objects(folder: Path) -> list[str]:
        return git(folder, "cat-file", "--batch-all-objects", "--batch-check").splitlines()

    before, there, here = repo.snapshot(), objects(repo.remote), set(objects(repo.folder))
    for _ in range(2):
        doctor(repo)
    assert (repo.snapshot(), objects(repo.remote)) == (before, there)
    new = set(objects(repo.folder)) - here
    assert [line.split()[1] for line in new] == ["commit"], "the one that was tried"
    assert not Path(f"{repo.remote}.pulls").exists()


# Git and the clone


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("2.20.1", "failed"), ("2.30.2", "failed"), ("2.31.0", "ok"), ("3.0.0.rc1", "ok"), ("of tomorrow", "unknown")],
)
def test_an_old_git_is_told(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, verdict: str
) -> None:
    shim = tmp_path / "bin/git"
    shim.parent.mkdir()
    last = 'for last; do :; done; [ "$last" = version ]'
    shim.write_text(f'#!/bin/sh\n{last} && exec echo "git version {version}"\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    found = doctor(repo)
    assert (found.verdict("git"), found.status) == (verdict, int(verdict == "failed"))
    assert version in found.told("git")[0]
    assert [each["name"] for each in found.checks] == ALL


def test_without_git_it_says_so(repo: Repo, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "rollout_spec", "--repo", str(repo.workspace), "doctor"]
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.match(r"failed +git +git cannot be started\n +help: install git", done.stdout)


def test_a_workspace_outside_git_is_told(repo: Repo) -> None:
    shutil.rmtree(repo.folder / ".git")
    found = doctor(repo)
    assert found.status == 1
    found.says("clone", "failed: .* not in a git repository; run `git init`")


def test_a_clone_of_somebody_else_is_told(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own tests say it so
    found = doctor(repo)
    assert (found.status, [each["name"] for each in found.checks]) == (1, ["git", "clone"])
    found.says("clone", "^failed: git cannot read it: .*dubious ownership.*; run this as the owner")


def test_where_there_is_no_workspace_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    answer = run("--repo", str(tmp_path), "doctor")
    assert (answer.status, answer.out) == (2, "")
    assert "not a rollout repository" in answer.err


def test_a_shallow_clone_is_told(repo: Repo) -> None:
    shallow = repo.clone("shallow", "--depth", "1")
    found = doctor(shallow)
    assert (found.status, found.verdict("clone"), found.verdict("push")) == (0, "warning", "ok")
    assert found.verdict("history") is None
    mode(repo, "auto-merge")
    found = doctor(shallow)
    assert found.status == 1
    found.says("clone", "^failed: .* so no rollback gets auto-merge; `git fetch --unshallow`")


def test_a_partial_clone_and_a_mirror_are_in_order(repo: Repo) -> None:
    found = doctor(repo.clone("partial", "--filter=blob:none"))
    assert (found.status, found.all("failed", "unknown")) == (0, set())
    found.says("clone", "^ok: a clone with the whole history, which fetches contents when they are read$")
    doctor(repo.clone("treeless", "--filter=tree:0")).says("clone", "^warning: a clone without folders, .*mirror DIR")
    git(repo.folder, "remote", "set-url", "origin", repo.remote.as_uri())
    assert repo.run("mirror", "../models.git").status == 0
    found = doctor(repo.remote.parent / "models.git", NINE + timedelta(hours=1))
    assert (found.status, found.all("failed", "unknown")) == (0, set())
    found.says("clone", "^ok: a bare repository with the whole history, which")
    found.says("history", "^ok: a commit-graph lists the changed files of each commit")
    found.says("workspace", "acme-models, on main at [0-9a-f]{12}$")


def test_a_repository_of_sha256_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    found = doctor(Repo.create(tmp_path))
    assert (found.status, found.all("failed", "unknown")) == (0, set())
    found.says("clone", r"\(sha256\)$")


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("", "warning"),
        ("--reachable", "warning"),
        ("--reachable --changed-paths", "ok"),
        ("--reachable --changed-paths --split", "ok"),
    ],
)
def test_a_long_history_wants_a_commit_graph(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, words: str, verdict: str
) -> None:
    doctor(repo).says("history", "^ok: 2 commits deep$")
    monkeypatch.setattr(cloned, "LONG_HISTORY", 2)
    if words:
        repo.git("commit-graph", "write", *words.split())
    found = doctor(repo)
    assert (found.status, found.verdict("history")) == (0, verdict)
    for graph in (repo.folder / ".git/objects/info").glob("commit-graph*"):
        shutil.rmtree(graph) if graph.is_dir() else graph.unlink()
        graph.write_bytes(b"CG")
    doctor(repo).says("history", "^warning: 2 commits deep without .*; `git commit-graph write")


# Commits that can be made


def test_a_signature_is_tried(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor(repo).says("commit", "^ok: made by rollout-spec; git is not configured to sign")
    hide_the_committer(monkeypatch)
    key = configured_for_ssh(repo.folder)
    doctor(repo).says("commit", r"^ok: signed as Bot <bot@example.com>, in \d+\.\d s$")
    monkeypatch.setattr(cloned, "_SLOW_SIGNATURE", 0.0)
    doctor(repo).says("commit", "^warning: signed as .*; use a key that does not wait for a person")
    key.unlink()
    found = doctor(repo)
    assert found.status == 1
    found.says("commit", "^failed: git could not sign the commit: .*; see docs/forges.md for signed commits")
    repo.git("config", "--unset", "user.email")
    doctor(repo).says("commit", "^failed: .* user.name or user.email is not set; .*`git config user.name")
    assert [each["name"] for each in found.checks] == ALL


def test_a_clone_that_cannot_be_written_is_told(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(git: Git, *_: object) -> str:  # whoever runs the tests may write everywhere
        raise GitError("git", "error: unable to create temporary file: Read-only file system")

    monkeypatch.setattr(Git, "build", shut)
    found = doctor(repo)
    assert found.status == 1
    found.says("commit", "^failed: .* Read-only file system; give this account write access to the clone")


# The remote


def test_a_remote_that_is_not_there_is_told(repo: Repo) -> None:
    repo.git("remote", "remove", "origin")
    found = doctor(repo)
    assert found.status == 1
    found.says("remote", "^failed: no git remote `origin` in this clone; .*; run `git remote add origin URL`")
    assert found.verdict("push") is None
    assert found.verdict("way-back") == "ok"


@pytest.mark.parametrize("url", ["http://user:s3cret@127.0.0.1:1/models.git", "gone.git"])
def test_a_remote_that_does_not_answer_hides_nothing(repo: Repo, url: str) -> None:
    repo.git("remote", "set-url", "origin", url)
    found = doctor(repo)
    assert (found.status, found.verdict("remote")) == (3, "failed")
    assert not any("s3cret" in str(check) for check in found.checks)
    passed = {"git", "automation", "pause", "clone", "history", "commit", "way-back"}
    assert passed <= found.all("ok")
    assert found.verdict("push") is None


def test_a_remote_in_whose_url_a_password_is_shows_none(repo: Repo, tmp_path: Path) -> None:
    repo.git("remote", "set-url", "origin", "https://user:s3cret@example.invalid/models.git")
    repo.git("config", "url.file:///.insteadOf", "https://example.invalid/")
    answer = run("--repo", str(repo.workspace), "doctor")
    assert "s3cret" not in answer.text


def test_a_base_that_is_not_on_the_remote_is_told(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "{type: local}", "{type: local, base: release}")
    found = doctor(repo)
    assert found.status == 1
    found.says("remote", "^failed: the remote `origin` has no branch `release`; push it first")
    assert found.verdict("way-back") == "ok"


def test_what_is_checked_out_may_be_another_commit(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "work")
    repo.write("a.txt", "a\n")
    repo.commit("Work", push=False)
    doctor(repo).says("workspace", "^ok: acme-models, on main at .*; another commit is checked out here")


@pytest.mark.parametrize("name", ["rollback", "rollback/acme-models"])
def test_a_branch_that_is_in_the_way_is_told(repo: Repo, name: str) -> None:
    git(repo.remote, "update-ref", f"refs/heads/{name}", repo.tip())
    found = doctor(repo)
    assert found.status == 1
    found.says("push", f"^failed: the branch `{name}` on origin blocks all branches .*; delete or rename it")
    answer = repo.run("rollback", "fraud", "--reason", "r")
    assert answer.status == 0, "a rollback gets round it"
    assert repo.branches() == sorted([name, "rollback/acme-models/fraud/42".replace(name, f"{name}.2", 1)])
    assert re.search(f"another branch blocks the name {name}/.*: {name}[.]2/.* is used instead", answer.err)


def test_a_remote_that_takes_no_push_is_told(repo: Repo, tmp_path: Path) -> None:
    """As a forge does with a key that may only read: it says so, and hangs up before git can ask."""
    program = tmp_path / "receive-pack"
    program.write_text("#!/bin/sh\necho 'The key is marked as read only.' >&2\nexit 1\n")
    program.chmod(0o755)
    repo.git("config", "remote.origin.receivepack", str(program))
    found = doctor(repo)
    assert found.status == 1
    found.says("push", "^failed: git push failed: .*The key is marked as read only")
    assert [each["name"] for each in found.checks] == ALL


def test_a_hook_of_the_server_is_asked_by_a_real_push_alone(repo: Repo) -> None:
    hook = repo.remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repo.remote}/asked\nexit 1\n")
    hook.chmod(0o755)
    doctor(repo).says("push", "^ok: .* only a real push runs the server's hooks and rules")
    assert not (repo.remote / "asked").exists()


# The workspace on the base


def breaks(repo: Repo) -> None:
    repo.write(".rollout-spec.yaml", "kind: nothing\n")


def asks_for_another_version(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "\nspec:\n", '\nspec:\n  requires: ">=9"\n')


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (breaks, "^failed: on main .* is missing or does not load; `rollout-spec check`"),
        (asks_for_another_version, "^failed: this workspace requires rollout-spec >=9"),
    ],
)
def test_a_workspace_that_cannot_be_used_is_told(repo: Repo, edit: Callable[[Repo], None], words: str) -> None:
    edit(repo)
    repo.commit("Break it")
    found = doctor(repo)
    assert found.status == 1
    found.says("workspace", words)
    assert {"remote", "commit", "clone", "pause", "way-back"} <= found.all("ok")
    repo.git("reset", "-q", "--hard", "HEAD~1")  # what is checked out is good, and says which forge it is
    found = doctor(repo)
    found.says("workspace", words)
    assert {"remote", "push", "forge"} <= found.all("ok")


def test_a_mode_that_pushes_nothing_needs_no_forge(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "  forge: {type: local} ", "  ")
    repo.commit("Name no forge")
    found = doctor(repo)
    assert found.status == 1
    found.says("forge", "^failed: the workspace names no forge: .*; add `forge: ")
    mode(repo, "dry-run")
    found = doctor(repo)
    assert (found.status, found.verdict("forge")) == (0, "warning")
    found.says("automation", "^warning: the mode is dry-run: ")


@pytest.mark.parametrize(
    ("prefix", "path", "text", "told"),
    [
        ("", "", "reason: a move\nexpires: 2026-11-21\n", "^warning: .* until 2026-11-21T23:59:59Z: a move; remove"),
        ("prod", "", "reason: a move\nexpires: 2026-11-21\n", "^warning: .rollout-spec-pause pauses"),
        ("prod", "prod/", "reason: a move\nexpires: 2026-11-21\n", "^warning: prod/.rollout-spec-pause "),
        ("", "", "because\n", "^failed: .* without end: the file cannot be read; .*fix or remove it"),
        ("", "", "reason: a move\nexpires: 2026-11-19\n", "^ok: nothing pauses"),
    ],
)
def test_a_pause_is_told(tmp_path: Path, prefix: str, path: str, text: str, told: str) -> None:
    repo = Repo.create(tmp_path, prefix=prefix)
    (repo.folder / f"{path}.rollout-spec-pause").write_text(text)
    repo.commit("Pause")
    found = doctor(repo)
    assert found.status == int(told.startswith("^failed"))
    found.says("pause", told)


def test_rollouts_without_a_way_back_are_told(repo: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", 'knownGood: ["40"]', "knownGood: []")
    repo.commit("Forget it")
    found = doctor(repo)
    assert found.status == 0
    found.says("way-back", "^warning: 1 of 1 rollout would have no rollback target .*: fraud; run `rollout-spec drill`")
    repo.write("rollouts/broken.yaml", "kind: ModelRollout\n")
    repo.commit("Break one")
    found = doctor(repo)
    assert found.status == 1
    found.says("way-back", "^failed: 1 of 2 rollouts do not load: broken; `rollout-spec check`")


def test_a_clock_that_is_behind_the_newest_commit_is_told(repo: Repo) -> None:
    found = doctor(repo, NINE - timedelta(minutes=1))
    assert found.status == 0
    found.says("clock", r"^warning: the newest commit of main is in the future of this clock \(2026-11-20T09:02:00Z\)")


# What a person sees


def test_the_text_is_in_columns_and_one_line_for_grep(repo: Repo) -> None:
    answer = repo.run("doctor")
    lines = answer.out.splitlines()
    assert all(
        re.match(r"(ok|warning|failed|unknown) +[a-z-]+ +\S|                          help: ", each) for each in lines
    )
    assert [line[9:24].strip() for line in lines if not line.startswith(" ")] == ALL
    assert answer.err == "16 checks: 14 ok, 2 warnings\n"
    assert "\x1b" not in answer.out


def test_a_terminal_gets_colors_and_lines_that_fit(repo: Repo) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm", "COLUMNS": "80"}
    words = [sys.executable, "-m", "rollout_spec", "--repo", str(repo.workspace), "doctor"]
    with subprocess.Popen(words, stdout=follower, stderr=subprocess.PIPE, env=environment):
        os.close(follower)
        told = b""
        try:
            while part := os.read(leader, 65536):
                told += part
        except OSError:  # that is how a terminal ends
            pass
    os.close(leader)
    lines = told.decode().split("\r\n")
    assert "\x1b[32mok     \x1b[0m" in lines[0] and any("\x1b[33mwarning\x1b[0m" in line for line in lines)
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    assert all(len(line) <= 80 or str(repo.remote) in line for line in plain), "a path is not broken"
    assert any(line.startswith(" " * 26 + "help: ") for line in plain)


def test_the_page_has_every_check() -> None:
    page = (CHECKOUT / "docs/doctor.md").read_text("utf-8")
    modules = (CHECKOUT / "rollout_spec/workflows/doctor").glob("*.py")
    source = "".join(module.read_text("utf-8") for module in modules)
    made = set(re.findall(r"\b(?:ok|warning|failed|unknown|ended)\(\s*\"([a-z-]+)\"", source))
    table = page.split("| check |")[1]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == made
    assert set(ALL) < made
