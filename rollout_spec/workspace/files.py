"""Atomic writes of files on disk, never through a link and never over a concurrent edit.

Paths are below a folder whose own path may contain links.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import posixpath
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import EllipsisType

from rollout_spec.core.errors import ChangedError, UserError, disk_error
from rollout_spec.core.links import HINT, Links
from rollout_spec.core.locks import is_free

_START, _END = ".rollout-spec-", ".part"
_UNSUPPORTED = frozenset((errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM))
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
Expected = bytes | None | EllipsisType
"""The expected bytes of a file, None if no file is expected, ``...`` if this is not checked."""


def refuse_links(root: Path, paths: Iterable[str]) -> None:
    """Raise UserError if one of the paths below a folder is a link, or leads through one."""
    links = Links(root)
    for path in paths:
        link = links.of_file(posixpath.normpath(path))
        if link is not None:
            raise UserError(f"{root / link} is a link or a submodule, and cannot be written through", hint=HINT)


def write(root: Path, name: str, content: bytes, *, parts: Path | None = None, expected: Expected = ...) -> None:
    """Write a file by its path below a folder, in one move, and create its parent folders.

    ``parts`` is the folder of the unfinished file, by default that of the file. ChangedError if the file is not
    ``expected``. UserError if the disk cannot be written.
    """
    refuse_links(root, [name])
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        if parts is None:
            sweep(path.parent)
        with _part(parts or path.parent, content, mode) as part:
            put(part, path, expected)
    except OSError as error:
        if error.errno == errno.EXDEV and parts is not None:
            write(root, name, content, expected=expected)
            return
        raise disk_error(error, f"{path} cannot be written") from None


def remove(root: Path, name: str, *, expected: Expected = ...) -> None:
    """Remove a file, and its folder if it is empty then. ChangedError if the file is not ``expected``."""
    refuse_links(root, [name])
    path = root / name
    try:
        if expected is not ... and read(path) != expected:
            raise ChangedError(str(path))
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    except OSError as error:
        raise disk_error(error, f"{path} cannot be removed") from None


def read(path: Path) -> bytes | None:
    """Return the bytes of a file, or None if it is missing."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise disk_error(error, f"{path} cannot be read") from None


def sweep(folder: Path) -> None:
    """Remove the unfinished files of killed processes: no process holds their lock."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = entry.name.startswith(_START) and entry.name.endswith(_END)
            if ours and entry.is_file(follow_symlinks=False) and is_free(Path(entry.path)):
                Path(entry.path).unlink(missing_ok=True)


@contextmanager
def _part(folder: Path, content: bytes, mode: int | None) -> Iterator[Path]:
    """Write an unfinished file, which is locked while this process uses it.

    If ``mode`` is None, the kernel applies the umask. Python can read the umask only by changing it.
    """
    part = folder / f"{_START}{secrets.token_hex(8)}{_END}"
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(content)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield part
    finally:
        part.unlink(missing_ok=True)


def put(part: Path, path: Path, expected: Expected) -> None:
    """Move a finished file to its path. ``part`` may hold the old content afterwards.

    ChangedError if the current file is not ``expected``. OSError if the disk cannot be written.
    """
    if expected is ...:
        part.replace(path)
        return
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if read(path) != expected:
        raise ChangedError(str(path))
    if expected is None:
        _put_new(part, path)
    elif not _exchange(part, path):
        part.replace(path)
    elif part.read_bytes() != expected:
        _exchange(path, part)  # another process changed the file in between: restore it
        raise ChangedError(str(path))


def _put_new(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        raise ChangedError(str(path)) from None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        part.replace(path)  # a file system without hard links


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two files in one move. Return False if this system does not support it."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None or call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return call is not None
    number = ctypes.get_errno()
    if number == errno.ENOENT:
        raise ChangedError(str(other))
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))
