"""Locks on folders. The kernel releases a lock when its process ends, so no lock is left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error

Tell = Callable[[str], None]

WAIT_SECONDS = 60.0
"""The longest wait of a command for another one."""
_QUIET_SECONDS = 3.0
_PAUSE = 0.02
_NO_FOLDERS = frozenset((errno.EBADF, errno.EINVAL, errno.EISDIR, errno.ENOTSUP, errno.EOPNOTSUPP))
"""The errors of a file system that locks files but not folders, such as NFS."""
_FILE = "rollout-spec.lock"


@contextmanager
def locked(folder: Path, tell: Tell, *, seconds: float = WAIT_SECONDS) -> Iterator[int]:
    """Hold the exclusive lock of a folder, and yield its handle.

    A process that inherits the handle holds it too. ``tell`` is called once if the wait is long. UserError if another
    process holds the lock for ``seconds``.
    """
    handle = _opened(folder)
    try:
        if not _has_locks(handle):
            os.close(handle)
            handle = _opened(folder / _FILE, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW)
        _wait(handle, folder, tell, seconds)
        yield handle
    finally:
        os.close(handle)


def is_free(folder: Path) -> bool:
    """Return whether no process holds the lock of a folder or file; False if that cannot be determined."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return _try_flock(handle)
    except OSError:
        return False
    finally:
        os.close(handle)


def _opened(path: Path, flags: int = os.O_RDONLY | os.O_DIRECTORY) -> int:
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        raise disk_error(error, f"{path} cannot be locked") from None


def _has_locks(handle: int) -> bool:
    """Return whether this file system locks folders, by a shared lock that is released at once."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError as error:
        return error.errno not in _NO_FOLDERS
    return True


def _wait(handle: int, folder: Path, tell: Tell, seconds: float) -> None:
    start = time.monotonic()
    notified = False
    while not _try_lock(handle, folder):
        waited = time.monotonic() - start
        if waited > seconds:
            raise UserError(
                f"{folder} was locked by other rollout-spec commands for {seconds:g} seconds",
                hint="wait until they end, or stop them; then run this command again",
                status=OUTSIDE,
            )
        if waited > _QUIET_SECONDS and not notified:
            tell(f"waiting for another rollout-spec command, which holds the lock of {folder}")
            notified = True
        time.sleep(_PAUSE)


def _try_lock(handle: int, folder: Path) -> bool:
    try:
        return _try_flock(handle)
    except OSError as error:
        raise disk_error(error, f"{folder} cannot be locked") from None


def _try_flock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
