"""A disk that is full, and errors that nobody foresaw: status 3, the place by name, and nothing half done."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_commands import FILE, MINE, contents, do, made, record, repo, status
from repo import Repo, git, run
from small_disks import fill, small_disk

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges.local_files import PullFiles
from rollout_spec.workspace import files as writing

pytestmark = pytest.mark.system

__all__ = ["made", "repo"]
COMMANDS = (record("43", "--commit"), record("43"), ["withdraw", "fraud", "--commit"], ["render"])


def limited(place: Path, words: list[str], most: int) -> tuple[int, str, str]:
    """Run a command that can write no file longer than so many bytes: what a full disk is to a longer one."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        [sys.executable, "-m", "rollout_spec", "--repo", str(place), *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("most", [0, 300, 1500])
@pytest.mark.parametrize("words", COMMANDS, ids=["committed", "written", "withdrawn", "rendered"])
def test_what_cannot_be_written_is_not_begun(words: list[str], most: int, repo: Repo) -> None:
    repo.write("manifests/fraud/kserve.yaml", "# old\n" * 1000)
    if words != ["render"]:
        repo.git("checkout", "-q", "--", "manifests")
    known, head = contents(repo), repo.git("rev-parse", "HEAD")
    code, _, err = limited(repo.folder, words, most)
    assert code == 3, err
    if words != ["render"]:  # each manifest is written by itself
        assert contents(repo) == known
    assert repo.git("rev-parse", "HEAD") == head
    assert not list(repo.folder.rglob("*.part"))
    code, _, err = do(repo.folder, *words)
    assert code == 0, err
    assert not (repo.folder / ".git/rollout-spec").exists()


def test_no_place_for_temporary_files_is_said_of_each_breach(repo: Repo) -> None:
    payload = repo.payload(repo.alert("42"), repo.alert("41"))
    code, out, err = limited(repo.folder, ["rollback", "--breach", payload], 0)
    assert (code, out) == (3, "")
    assert err.count("cannot be written: ") + err.count("git push failed") + err.count("git fetch failed") >= 1, err
    assert repo.branches() == []
    assert do(repo.folder, "rollback", "--breach", payload)[0] == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB; it needs root."""
    with small_disk(tmp_path / "small", "16m") as place:
        yield place


@pytest.mark.real
@pytest.mark.parametrize("words", COMMANDS[:2], ids=["committed", "written"])
def test_a_full_disk_loses_nothing(words: list[str], made: Repo, small: Path) -> None:
    repo = made.copy(small)
    known, codes = contents(repo), set()
    for left in (0, 4096, 8192, 16384, 32768, 65536, 131072):
        fill(small, left)
        (small / "tmp").mkdir(exist_ok=True)
        code, _, err = do(repo.folder, *words, TMPDIR=str(small / "tmp"))
        codes.add(code)
        (small / "filler").unlink()
        if code == 0:
            break
        assert code == 3, err
        assert "No space left on device" in err or "git" in err
        assert (contents(repo), status(repo)) == (known, MINE), (left, err)
    assert 3 in codes
    if 0 not in codes:
        assert do(repo.folder, *words)[0] == 0
    assert "43" in repo.model().spec.versions


@pytest.mark.real
def test_each_breach_is_answered_though_the_forge_is_full(made: Repo, small: Path) -> None:
    repo = made.copy(small)
    folder = small.parent / "clone"
    shutil.move(repo.folder, folder)
    repo = Repo(folder, repo.remote, clock=repo.clock)
    git(folder, "remote", "set-url", "origin", str(repo.remote))
    payload = small.parent / "payload.json"
    shutil.copy(repo.payload(repo.alert("42"), repo.alert("41")), payload)
    fill(small, 0)
    code, out, err = do(folder, "rollback", "--breach", str(payload))
    assert (code, out) == (3, ""), err
    (small / "filler").unlink()
    assert not list(Path(f"{repo.remote}.pulls").glob(".*.part"))
    assert do(folder, "rollback", "--breach", str(payload))[0] == 0
    assert len(repo.pull_requests()) >= 1


# Parts.


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, 3), (errno.EDQUOT, 3), (errno.EROFS, 3), (errno.EIO, 3), (errno.EACCES, 2)]
)
def test_the_status_says_whether_another_path_would_do(
    number: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(
        UserError, match=re.escape(f"{tmp_path / 'a/b'} cannot be written: {os.strerror(number)}")
    ) as told:
        writing.write(tmp_path, "a/b", b"")
    assert told.value.status == code
    assert (told.value.hint is not None) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_a_pull_request_that_cannot_be_written_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = PullFiles(tmp_path / "remote.git.pulls")
    files.folder.mkdir()

    def refuse(*words: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UserError, match=r"1\.json cannot be written: No space left on device") as told:
        files.write(1, {})
    assert (told.value.status, list(files.folder.iterdir())) == (3, [])


def test_a_machine_without_room_for_a_process_is_no_traceback(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object, **more: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr("git.Git.execute", refuse)
    result = repo.run("withdraw", "fraud", "--commit")
    assert result.status == 3
    assert "git cannot be started: Resource temporarily unavailable" in result.err


# What nobody foresaw.


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ZeroDivisionError("x\ny"), "unexpected ZeroDivisionError: x"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/x"), "/x cannot be used: Too many open files"),
        (MemoryError(), "unexpected MemoryError: no message"),
        (AssertionError(), "unexpected AssertionError: no message"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_unexpected_error_is_a_line(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*words: object) -> None:
        raise error

    monkeypatch.setattr("rollout_spec.cli.workspace.find", fail)
    result = run("render")
    assert (result.status, result.out) == (3, "")
    assert result.err.startswith(f"rollout-spec: {words}\n  help: ")
    assert "ROLLOUT_SPEC_TRACEBACK=1" in result.err
    monkeypatch.setenv("ROLLOUT_SPEC_TRACEBACK", "1")
    result = run("render")
    assert result.status == 3
    assert result.err.startswith("Traceback")


def test_an_unexpected_error_of_one_breach_is_none_of_the_others(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    from rollout_spec.workflows import respond as response

    real = response.respond

    def answer(breach: object, *words: object, **more: object) -> object:
        if getattr(breach, "version", None) == "41":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/x")
        return real(breach, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(response, "respond", answer)
    result = repo.run("rollback", "--breach", repo.payload(repo.alert("41"), repo.alert("42")))
    assert result.status == 3
    assert "/tmp/x cannot be used: No space left on device" in result.err
    assert len(repo.pull_requests()) == 1
    assert FILE
