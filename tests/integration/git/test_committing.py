"""A person's commit of a step: what others do meanwhile, what git was told of its files, and where HEAD is."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from real_commands import FILE, LONG_AGO, MINE, contents, do, finished, made, record, repo, start, status
from repo import Repo, git, run

from rollout_spec.workflows.checkout import Checkout
from rollout_spec.workspace.files import Expected

pytestmark = pytest.mark.system

__all__ = ["made", "repo"]
ROUTE = "manifests/fraud/gateway-api.yaml"
WITHDRAW = ("withdraw", "fraud", "--commit")


def head(repo: Repo) -> str:
    return repo.git("rev-parse", "HEAD")


def meanwhile(repo: Repo, verb: str, action: str, *, always: bool = False) -> str:
    """Put a git on the PATH that does something before a command of git runs, once; return the PATH."""
    folder = repo.remote.parent / "bin"
    folder.mkdir(exist_ok=True)
    once = "true" if always else f"mkdir {shlex.quote(str(folder / 'done'))} 2>/dev/null"
    script = f"""#!/bin/sh
case " $* " in
*" {verb} "*) if {once}; then (cd {shlex.quote(str(repo.folder))}; unset GIT_INDEX_FILE; {action}) >&2; fi;;
esac
exec {shutil.which("git")} "$@"
"""
    (folder / "git").write_text(script)
    (folder / "git").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


GIT = shutil.which("git")
EDIT = f"echo '# mine' >> {FILE}"


# People who edit and commit meanwhile.


@pytest.mark.parametrize("verb", ["status", "var", "update-index --add", "write-tree", "commit-tree"])
@pytest.mark.parametrize("path", [FILE, ROUTE])
def test_an_edit_meanwhile_survives(verb: str, path: str, repo: Repo) -> None:
    before = head(repo)
    code, out, err = do(repo.folder, *WITHDRAW, PATH=meanwhile(repo, verb, f"echo '# mine' >> {path}"))
    assert (repo.folder / path).read_text().endswith("# mine\n")
    assert "# mine" not in repo.git("show", f"HEAD:{path}")
    if code:
        assert (code, head(repo)) == (1, before), err
        assert "commit" not in out
    else:
        assert head(repo) in out
    assert set(status(repo).splitlines()) >= {f" M {path}", *MINE.splitlines()}


def test_an_edit_after_the_commit_was_made_survives(repo: Repo) -> None:
    code, out, _ = do(repo.folder, *WITHDRAW, PATH=meanwhile(repo, "update-ref", EDIT))
    assert code == 0
    assert head(repo) in out
    assert (repo.folder / FILE).read_text().endswith("# mine\n")
    assert status(repo) == MINE.replace("M  notes", f"M  notes.md\n M {FILE}\n?? ").split("\n?? ")[0] + "\n?? new.md"


@pytest.mark.parametrize("verb", ["status", "write-tree", "commit-tree", "update-ref"])
def test_a_commit_meanwhile_survives_and_so_does_the_step(verb: str, repo: Repo) -> None:
    path = meanwhile(repo, verb, f"{GIT} commit -q --allow-empty --only -m Theirs")
    code, out, err = do(repo.folder, *WITHDRAW, PATH=path)
    assert code == 0, err
    assert repo.git("log", "-2", "--format=%s").splitlines() == ["Withdraw fraud 42", "Theirs"]
    assert f"commit {head(repo)}" in out
    assert status(repo) == MINE


def test_a_commit_of_what_is_written_meanwhile_is_left_as_it_is(repo: Repo) -> None:
    path = meanwhile(repo, "commit-tree", f"{GIT} commit -q -m Theirs -- {FILE}")
    code, _, err = do(repo.folder, *WITHDRAW, PATH=path)
    assert code == 1, err
    assert repo.git("log", "-1", "--format=%s") == "Theirs"
    assert "candidate" not in repo.live_at(head(repo))
    assert f" M {FILE}" not in status(repo)


def test_a_branch_that_is_checked_out_meanwhile_stays_where_it_is(repo: Repo) -> None:
    repo.git("branch", "other")
    before = head(repo)
    code, out, err = do(
        repo.folder, *WITHDRAW, PATH=meanwhile(repo, "commit-tree", f"{GIT} symbolic-ref HEAD refs/heads/other")
    )
    assert code == 0, err
    assert repo.git("rev-parse", "main") == before
    assert repo.git("rev-parse", "other") in out


def test_one_who_commits_again_and_again_is_not_fought(repo: Repo) -> None:
    known = contents(repo)
    path = meanwhile(repo, "update-ref", f"{GIT} commit -q --allow-empty --only -m Theirs", always=True)
    code, out, err = do(repo.folder, *WITHDRAW, PATH=path)
    assert (code, "HEAD was changed while this command ran; nothing was done" in err) == (1, True)
    assert "commit" not in out
    assert (contents(repo), status(repo)) == (known, MINE)


def test_a_step_without_a_commit_is_decided_anew(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    apply, edits = Checkout.apply, ["# mine\n"]

    def meanwhile(self: Checkout, *words: object, **more: object) -> None:
        if edits:
            with (repo.folder / FILE).open("a") as file:
                file.write(edits.pop())
        apply(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Checkout, "apply", meanwhile)
    assert repo.run("withdraw", "fraud").status == 0
    text = (repo.folder / FILE).read_text()
    assert text.endswith("# mine\n")
    assert repo.live.candidate is None


@pytest.mark.parametrize("words", [("render",), ("drill", "--record")], ids=["render", "drill"])
def test_an_edit_of_a_file_that_is_written_is_not_overwritten(
    words: tuple[str, ...], repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROUTE if words == ("render",) else FILE
    if words == ("render",):
        repo.write(ROUTE, "# old\n")
    put, edits = Checkout.put, ["# mine\n"] * 9

    def meanwhile(self: Checkout, name: str, content: bytes | None, expected: Expected) -> None:
        with (repo.folder / path).open("a") as file:
            file.write(edits.pop())
        put(self, name, content, expected)

    monkeypatch.setattr(Checkout, "put", meanwhile)
    result = repo.run(*words)
    assert (result.status, "was changed while this command ran" in result.err) == (1, True)
    assert (repo.folder / path).read_text().endswith("# mine\n")


# Signals.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("group", [False, True], ids=["alone", "with its group"])
def test_a_step_that_is_interrupted_is_taken_back(number: signal.Signals, group: bool, repo: Repo) -> None:
    known, before, path = contents(repo), head(repo), meanwhile(repo, "write-tree", "touch ../reached; sleep 3")
    process = start(repo.folder, WITHDRAW, PATH=path)
    _wait_for(repo.remote.parent / "reached")
    assert contents(repo) != known
    (os.killpg if group else os.kill)(process.pid, number)
    code, _, err = finished(process)
    assert code == 128 + number
    assert "nothing was changed: the files were restored" in err
    assert (contents(repo), status(repo), head(repo)) == (known, MINE, before)
    assert not (repo.folder / ".git/rollout-spec").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_step_that_is_interrupted_late_is_finished(number: signal.Signals, repo: Repo) -> None:
    path = meanwhile(repo, "update-ref", "touch ../reached; sleep 1")
    process = start(repo.folder, WITHDRAW, PATH=path)
    _wait_for(repo.remote.parent / "reached")
    os.killpg(process.pid, number)
    code, _, err = finished(process)
    assert (code, f"{head(repo)} is committed" in err) == (128 + number, True)
    assert "candidate" not in repo.live_at(head(repo))
    assert status(repo) == MINE


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


# What is left by one that was killed.


def killed_at(repo: Repo, verb: str, *words: str) -> None:
    """Kill a command, with all that it started, when it comes to a command of git."""
    process = start(repo.folder, words, PATH=meanwhile(repo, verb, "touch ../reached; sleep 60"))
    _wait_for(repo.remote.parent / "reached")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_what_was_killed_before_its_commit_is_taken_back(repo: Repo) -> None:
    known = contents(repo)
    killed_at(repo, "write-tree", *WITHDRAW)
    assert contents(repo) != known
    assert do(repo.folder, "check")[0] == 0  # one that only reads is not disturbed
    code, _, err = do(repo.folder, "render")
    assert (code, "were restored" in err) == (0, True)
    assert (contents(repo), status(repo)) == (known, MINE)


def test_what_was_killed_after_its_commit_is_finished(repo: Repo) -> None:
    killed_at(repo, "update-index -z --index-info", *WITHDRAW)
    commit = head(repo)
    assert repo.git("log", "-1", "--format=%s") == "Withdraw fraud 42"
    code, _, err = do(repo.folder, "render")
    assert (code, f"after it committed {commit[:12]}" in err) == (0, True)
    assert (head(repo), status(repo)) == (commit, MINE)


def test_what_was_edited_after_a_kill_is_left_as_it_is(repo: Repo) -> None:
    killed_at(repo, "write-tree", *WITHDRAW)
    with (repo.folder / FILE).open("a") as file:
        file.write("# mine\n")
    known = contents(repo)
    code, _, err = do(repo.folder, "render")
    assert (code, "they were edited since and stay unchanged" in err) == (0, True)
    assert contents(repo) == known
    assert not (repo.folder / ".git/rollout-spec").exists()
    assert "killed" not in do(repo.folder, "render")[2]


def test_what_was_committed_after_a_kill_is_left_as_it_is(repo: Repo) -> None:
    killed_at(repo, "write-tree", *WITHDRAW)
    repo.git("commit", "-q", "-m", "Theirs", "--", FILE, "manifests")
    known = contents(repo)
    code, _, err = do(repo.folder, "render")
    assert (code, "they were committed since and stay unchanged" in err) == (0, True)
    assert (contents(repo), status(repo)) == (known, MINE)


def test_locks_of_a_git_that_was_killed_with_a_step_are_removed(repo: Repo) -> None:
    killed_at(repo, "update-ref", *WITHDRAW)
    for name in ("index.lock", "refs/heads/main.lock"):
        (repo.folder / ".git" / name).write_text("")
    code, out, err = do(repo.folder, *WITHDRAW)
    assert code == 0, err
    assert head(repo) in out
    assert status(repo) == MINE


def test_the_lock_of_somebody_elses_git_is_waited_for_and_kept(repo: Repo) -> None:
    known = contents(repo)
    lock = repo.folder / ".git/index.lock"
    lock.write_text("")
    code, _, err = do(repo.folder, *WITHDRAW)
    assert (code, f"{lock} exists: another git is running here, or was killed" in err) == (1, True)
    assert lock.exists()
    lock.unlink()
    assert (contents(repo), status(repo)) == (known, MINE)


def test_a_journal_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    run("init", str(tmp_path / "models"))
    (tmp_path / "victim").write_text("theirs\n")
    folder = tmp_path / "models/.rollout-spec-unfinished"
    folder.mkdir()
    digest = hashlib.sha256(b"theirs\n").hexdigest()
    for path in ("../victim", "/etc/hostname", "x/../../victim"):
        entry = {"path": path, "old": None, "new": digest, "mode": None}
        (folder / "journal.json").write_text(json.dumps({"version": 1, "facts": {}, "files": [entry]}))
        result = run("--repo", str(tmp_path / "models"), "render")
        assert (result.status, "is not a readable journal" in result.err) == (0, True)
        assert (tmp_path / "victim").read_text() == "theirs\n"
        folder.mkdir(exist_ok=True)


# What git was told of files.


@pytest.mark.parametrize("bit", ["--skip-worktree", "--assume-unchanged"])
def test_bits_of_files_stay(bit: str, repo: Repo) -> None:
    repo.git("reset", "-q")
    repo.git("update-index", bit, FILE, "notes.md", "components/tokenizer.yaml")
    repo.git("add", "--intent-to-add", "new.md")
    bits = [line for line in repo.git("ls-files", "-v").splitlines() if not line.startswith("H ")]
    assert len(bits) == 3
    for words in (WITHDRAW, record("43", "--commit")):
        assert do(repo.folder, *words)[0] == 0
        assert [line for line in repo.git("ls-files", "-v").splitlines() if not line.startswith("H ")] == bits
    assert (repo.folder / "notes.md").read_text() == "staged\n"
    assert repo.git("status", "--porcelain", "--", FILE) == ""
    assert repo.git("diff", "--name-only", "--diff-filter=A") == "new.md"
    repo.git("update-index", f"--no{bit[1:]}", FILE)
    assert repo.git("diff", "--name-only", "--", FILE) == ""


@pytest.mark.parametrize("bit", ["--skip-worktree", "--assume-unchanged"])
def test_a_refused_commit_leaves_bits_and_edits(bit: str, repo: Repo) -> None:
    repo.git("update-index", bit, FILE)
    with (repo.folder / FILE).open("a") as file:
        file.write("# mine\n")
    known, before = contents(repo), repo.git("ls-files", "-v", "--stage")
    code, _, err = do(repo.folder, *WITHDRAW)
    assert (code, f"{FILE} has uncommitted changes" in err) == (1, True)
    assert (contents(repo), repo.git("ls-files", "-v", "--stage")) == (known, before)


def test_of_many_edited_files_some_are_named_and_the_others_counted(repo: Repo) -> None:
    code, _, _ = do(repo.folder, *WITHDRAW)
    assert code == 0
    paths = repo.git("show", "--name-only", "--format=", "HEAD").split()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    for path in paths:
        with (repo.folder / path).open("a") as file:
            file.write("# mine\n")
    code, _, err = do(repo.folder, *WITHDRAW)
    assert len(paths) > 3
    assert code == 1
    assert f"{', '.join(sorted(paths)[:3])} and {len(paths) - 3} more have uncommitted changes" in err


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_a_sparse_checkout_without_manifests_takes_no_step(cone: str, repo: Repo) -> None:
    repo.git("stash", "-q", "--include-untracked")
    folders = ["rollouts", "components", "policies"] if cone == "--cone" else ["/*", "!/manifests/"]
    repo.git("sparse-checkout", "set", cone, *folders)
    before = repo.git("rev-parse", "HEAD")
    code, _, err = do(repo.folder, *WITHDRAW)
    assert (code, "git sparse-checkout add manifests" in err) == (1, True), err
    assert not (repo.folder / "manifests").exists()
    assert (status(repo), repo.git("rev-parse", "HEAD")) == ("", before)


def test_a_file_that_git_ignores_is_not_committed(repo: Repo) -> None:
    (repo.folder / ".git/info/exclude").write_text("manifests/scam/\n")
    words = ["bootstrap", "scam", "--like", "fraud", "--version", "1", "--inference-log", "s3://logs/"]
    words += ["--runbook", "https://runbooks.example.com/scam"]
    code, _, err = do(repo.folder, *words, *record("1")[3:], "--commit")
    assert (code, "ignores it" in err) == (1, True), err
    assert status(repo) == MINE


# Where HEAD is.


def test_a_detached_head_moves_alone(repo: Repo) -> None:
    before = head(repo)
    repo.git("checkout", "-q", "--detach")
    code, out, _ = do(repo.folder, *WITHDRAW)
    assert (code, head(repo) in out) == (0, True)
    assert (repo.git("rev-parse", "main"), status(repo)) == (before, MINE)
    assert (repo.folder / ".git/HEAD").read_text().strip() == head(repo)


def test_the_reflog_says_what_moved_the_branch(repo: Repo) -> None:
    assert do(repo.folder, *WITHDRAW)[0] == 0
    for ref in ("HEAD", "main"):
        assert repo.git("reflog", "-1", "--format=%gs", ref) == "commit: Withdraw fraud 42"


def test_a_linked_worktree_has_its_own_lock_and_index(repo: Repo) -> None:
    repo.git("worktree", "add", "-q", "-b", "other", "../other")
    other = Repo(repo.remote.parent / "other", repo.remote)
    processes = [start(other.folder, record("43", "--commit")), start(repo.folder, WITHDRAW)]
    told = [finished(process) for process in processes]
    assert [code for code, _, _ in told] == [0, 0], told
    assert (head(other) in told[0][1], head(repo) in told[1][1]) == (True, True)
    assert (status(other), status(repo)) == ("", MINE)


def test_a_submodule_is_a_checkout_like_others(repo: Repo, tmp_path: Path) -> None:
    above = tmp_path / "above"
    git(tmp_path, "init", "-q", "-b", "main", str(above))
    git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo.remote), "models")
    inside = Repo(above / "models", repo.remote)
    code, out, err = do(inside.folder, *WITHDRAW)
    assert code == 0, err
    assert (head(inside) in out, status(inside)) == (True, "")


def test_a_rebase_is_finished_first(repo: Repo) -> None:
    repo.git("stash", "-q", "--include-untracked")
    repo.git("-c", "sequence.editor=sed -i s/pick/edit/", "rebase", "-q", "-i", "HEAD~1")
    known = contents(repo)
    code, _, err = do(repo.folder, *WITHDRAW)
    assert (code, "cannot do a partial commit during a rebase" in err) == (3, True)
    assert (contents(repo), status(repo)) == (known, "")
    repo.git("rebase", "--abort")
    assert do(repo.folder, *WITHDRAW)[0] == 0


def test_a_commit_keeps_the_programs_of_a_repository_programs(repo: Repo) -> None:
    repo.git("update-index", "--chmod=+x", FILE)
    (repo.folder / FILE).chmod(0o755)
    repo.git("commit", "-q", "-m", "Run it", "--", FILE)
    assert do(repo.folder, *WITHDRAW)[0] == 0
    assert repo.git("ls-tree", "HEAD", FILE).startswith("100755")
    assert os.access(repo.folder / FILE, os.X_OK)
    assert LONG_AGO  # the example is of then, so that no hold stands in the way
    assert (
        subprocess.run(["git", "fsck", "--strict"], cwd=repo.folder, capture_output=True, check=False).returncode == 0
    )
