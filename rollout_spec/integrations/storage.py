"""Files on this machine and in object stores, by address: artifacts of models, and inference logs.

fsspec reads the object stores. Only the schemes below are allowed: others of fsspec run code, or read from places that
nobody means by the address of a model.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.text import excerpt, one_line

SCHEMES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
"""The schemes of object stores, and the package of fsspec for each."""
MOST_FILES = 100_000
_BLOCK = 4 * 1024 * 1024
_LONGEST_REASON = 300
_NO_FILES = ("/proc/", "/sys/", "/dev/")
"""Folders with files of any size, and with secrets of processes."""


@dataclass(frozen=True)
class StoredFile:
    """A file at an address. ``name`` is its path below the listed address, or its own name.

    ``size`` is in bytes. ``etag`` is the store's mark of the content, ``None`` on disk. ``mark`` changes with the
    content: the ETag, or the times of the file on disk. ``is_whole``: the listed address is the file itself.
    """

    address: str
    name: str
    size: int
    etag: str | None = None
    mark: str | None = None
    is_whole: bool = False


class MissingLibraryError(UserError):
    """A Python package is not installed that an address needs."""


def list_files(address: str) -> list[StoredFile]:
    """Return the file at an address, or all files below it, sorted by name; none if nothing is there.

    Symbolic links and special files are refused. UserError if the store does not answer, if the address has an unknown
    scheme, or if there are more than ``MOST_FILES``.
    """
    local = local_path(address)
    files = list(_local_files(local) if local is not None else _remote_files(address))
    return sorted(files, key=lambda file: file.name)


def open_file(file: StoredFile) -> BinaryIO:
    """Open a listed file for reading. UserError if that fails."""
    local = local_path(file.address)
    if local is not None:
        return _open_local(local)
    system, path = _file_system(file.address)
    try:
        return cast(BinaryIO, system.open(path, "rb", block_size=_BLOCK))
    except Exception as error:  # each store raises errors of its own library
        raise _store_error("read", file.address, error) from None


def _open_local(path: Path) -> BinaryIO:
    """Open a regular file. It may have been replaced after it was listed: a pipe would wait for a writer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        reason = error if isinstance(error, OSError) else OSError(errno.EINVAL, "the path is invalid")
        raise disk_error(reason, f"cannot read {excerpt(str(path))}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserError(f"cannot read {excerpt(str(path))}: it is not a regular file")
    return os.fdopen(descriptor, "rb")


def local_path(address: str) -> Path | None:
    """Return the path of an address on this machine, None if it lies in an object store."""
    if "://" not in address:
        return Path(address)
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return None


def _local_files(path: Path) -> Iterator[StoredFile]:
    try:
        if os.path.realpath(path).startswith(_NO_FILES):
            raise UserError(f"{excerpt(str(path))} is not read: it is no place for files")
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        raise UserError(f"cannot read {excerpt(str(path))}: {error}") from None
    if stat.S_ISREG(mode):
        yield _local_file(path, path.name, is_whole=True)
        return
    if not stat.S_ISDIR(mode):
        raise UserError(f"{excerpt(str(path))} is neither a file nor a folder")
    for count, found in enumerate(_below(path)):
        _bound(count, str(path))
        mode = found.lstat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
            raise UserError(f"{excerpt(str(found))} is {kind}", hint="replace it with the file itself")
        yield _local_file(found, found.relative_to(path).as_posix())


def _local_file(path: Path, name: str, *, is_whole: bool = False) -> StoredFile:
    """Return a file on disk. Its mark has the times that no program changes without a trace."""
    facts = path.lstat() if not is_whole else path.stat()
    mark = f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_ctime_ns}"
    return StoredFile(str(path), name, facts.st_size, mark=mark, is_whole=is_whole)


def _below(folder: Path) -> Iterator[Path]:
    """Yield what is no folder below a folder. Links to folders are not followed."""

    def refuse(error: OSError) -> None:
        raise disk_error(error, f"cannot read {excerpt(str(folder))}")

    for current, folders, names in os.walk(folder, onerror=refuse):
        links = [name for name in folders if Path(current, name).is_symlink()]
        yield from (Path(current, name) for name in (*names, *links))


def _remote_files(address: str) -> Iterator[StoredFile]:
    system, path = _file_system(address)
    root = path.rstrip("/")
    try:
        found: dict[str, dict[str, Any]] = system.find(root, detail=True)
    except FileNotFoundError:
        return
    except Exception as error:  # each store raises errors of its own library
        raise _store_error("list", address, error) from None
    for count, (path, entry) in enumerate(found.items()):
        _bound(count, address)
        if path.endswith("/") or entry.get("type") == "directory":  # an empty object that stands for a folder
            continue
        is_whole = path == root
        name = path.rpartition("/")[2] if is_whole else path.removeprefix(f"{root}/")
        etag = entry.get("ETag") or entry.get("etag")
        mark = str(etag).strip('"') if etag else None
        place = address if is_whole else f"{address.rstrip('/')}/{name}"
        yield StoredFile(place, name, int(entry.get("size") or 0), mark, mark, is_whole)


def _bound(count: int, address: str) -> None:
    if count >= MOST_FILES:
        raise UserError(f"{excerpt(address)} has more than {MOST_FILES} files", hint="name a smaller part of it")


def _store_error(verb: str, address: str, error: Exception) -> UserError:
    reason = one_line(redaction.redact(str(error)) or type(error).__name__, _LONGEST_REASON)
    return UserError(f"cannot {verb} {excerpt(address)}: {reason}", status=OUTSIDE)


def _file_system(address: str) -> tuple[Any, str]:
    """Return the store of an address, and the path in it."""
    scheme = address.partition("://")[0]
    package = SCHEMES.get(scheme)
    if package is None:
        known = ", ".join(f"{known}://" for known in ("file", *SCHEMES))
        raise UserError(f"`{excerpt(address)}` has a scheme that is not read", hint=f"known: {known}")
    if "::" in address:
        raise UserError(f"`{excerpt(address)}` has `::`, which chains stores", hint="write the address of one store")
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import get_filesystem_class

        get_filesystem_class(scheme)
    except (ImportError, ValueError):  # ValueError: an installed package would have registered the scheme
        raise MissingLibraryError(
            f"{scheme}:// needs the Python packages `fsspec` and `{package}`", hint=f"pip install fsspec {package}"
        ) from None
    try:
        system, path = url_to_fs(address, use_listings_cache=False)
    except Exception as error:  # each store raises errors of its own library
        raise _store_error("connect to the store of", address, error) from None
    return system, str(path)


def object_store(address: str) -> Any:
    """Return the file system of fsspec for an address. UserError if its scheme is not read."""
    return _file_system(address)[0]
