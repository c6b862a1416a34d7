"""Locks on folders: who waits is told, waits no longer than is said, and waits for nobody who is dead."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rollout_spec.core import locks as locking
from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.core.locks import is_free, locked
from rollout_spec.workspace import files as writing

pytestmark = pytest.mark.system

HOLD = """
import sys, time
from pathlib import Path
from rollout_spec.core.locks import locked
with locked(Path(sys.argv[1]), print) as handle:
    if len(sys.argv) > 2:
        import subprocess
        subprocess.Popen(["sleep", sys.argv[2]], pass_fds=[handle], stdout=subprocess.DEVNULL)
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a process that holds the lock of a folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_too_long_is_told_by_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "_QUIET_SECONDS", 0.1)
    told: list[str] = []
    with holder(tmp_path) as process:
        with (
            pytest.raises(UserError, match=r"was locked by other rollout-spec commands for 0\.5 seconds") as refused,
            locked(tmp_path, told.append, seconds=0.5),
        ):
            pass
        process.kill()
    assert (refused.value.status, refused.value.hint is not None) == (3, True)
    assert told == [f"waiting for another rollout-spec command, which holds the lock of {tmp_path}"]
    with locked(tmp_path, told.append):
        assert not is_free(tmp_path)
    assert is_free(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(told) == 1


def test_a_lock_ends_with_the_last_process_that_has_it(tmp_path: Path) -> None:
    with holder(tmp_path, "2") as process:
        begun = time.monotonic()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locked(tmp_path, print, seconds=20):
            assert time.monotonic() - begun > 1


def test_a_file_is_locked_where_folders_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fcntl.flock

    def flock(handle: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        real(handle, operation)

    monkeypatch.setattr("fcntl.flock", flock)
    with locked(tmp_path, print):
        assert [path.name for path in tmp_path.iterdir()] == ["rollout-spec.lock"]
        with pytest.raises(UserError, match="was locked by other"), locked(tmp_path, print, seconds=0):
            pass


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing cannot be locked: No such file"), locked(tmp_path / "nothing", print):
        pass


# One file.


@pytest.mark.parametrize("has_exchange", [True, False], ids=["exchanged", "compared"])
def test_a_file_is_written_if_it_is_as_expected(
    has_exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_exchange:
        monkeypatch.setattr(writing, "_exchange", lambda one, other: False)
    path = tmp_path / "a/b"
    writing.write(tmp_path, "a/b", b"1", expected=None)
    for wrong in (None, b"2"):
        with pytest.raises(ChangedError, match="a/b was changed while this command ran"):
            writing.write(tmp_path, "a/b", b"3", expected=wrong)
        with pytest.raises(ChangedError):
            writing.remove(tmp_path, "a/b", expected=wrong)
    assert path.read_bytes() == b"1"
    path.chmod(0o640)
    writing.write(tmp_path, "a/b", b"2", expected=b"1")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"2", 0o640)
    writing.write(tmp_path, "a/b", b"3")
    writing.remove(tmp_path, "a/b", expected=b"3")
    assert list(tmp_path.iterdir()) == []


def test_an_edit_between_the_comparison_and_the_move_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, exchange = tmp_path / "a", writing._exchange
    path.write_bytes(b"1")

    def late(one: Path, other: Path) -> bool:
        if other == path:
            (tmp_path / "new").write_bytes(b"mine")
            (tmp_path / "new").replace(path)
        return exchange(one, other)

    monkeypatch.setattr(writing, "_exchange", late)
    with pytest.raises(ChangedError):
        writing.write(tmp_path, "a", b"2", expected=b"1")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"mine"}


def test_what_a_killed_process_left_beside_a_file_is_removed(tmp_path: Path) -> None:
    killed, living, other = (
        tmp_path / name for name in (".rollout-spec-1.part", ".rollout-spec-2.part", ".other.part")
    )
    for path in (killed, living, other):
        path.write_bytes(b"half")
    with living.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writing.write(tmp_path, "a", b"1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.part", ".rollout-spec-2.part", "a"]


def test_another_disk_for_unfinished_files_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, parts = os.link, tmp_path / "parts"
    parts.mkdir()

    def across(one: Path, other: Path) -> None:
        if Path(one).parent == parts:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(one, other)

    monkeypatch.setattr(os, "link", across)
    writing.write(tmp_path, "a", b"1", parts=parts, expected=None)
    assert ((tmp_path / "a").read_bytes(), list(parts.iterdir())) == (b"1", [])


def test_a_new_file_has_the_mode_of_the_process_whose_umask_is_never_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.delattr(os, "umask")  # another thread could make a file meanwhile
            writing.write(tmp_path, "a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
