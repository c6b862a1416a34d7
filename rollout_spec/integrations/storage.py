"""Files on this machine and in object stores, by address: artifacts of models, and inference logs.

fsspec reads the object stores. Only the schemes below are allowed: others of fsspec run code, or read from places that
nobody means by the address of a model.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.text import excerpt

SCHEMES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
"""The schemes of object stores, and the package of fsspec for each."""
MOST_FILES = 100_000


@dataclass(frozen=True)
class StoredFile:
    """A file at an address. ``name`` is its path below the listed address, or its own name.

    ``size`` is in bytes. ``etag`` is the store's mark of the content, ``None`` on disk.
    """

    address: str
    name: str
    size: int
    etag: str | None = None


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
    try:
        if local is not None:
            return local.open("rb")
        return cast(BinaryIO, _file_system(file.address).open(file.address, "rb"))
    except OSError as error:
        raise disk_error(error, f"cannot read {excerpt(file.address)}") from None


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
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        raise UserError(f"cannot read {excerpt(str(path))}: {error}") from None
    if stat.S_ISREG(mode):
        yield StoredFile(str(path), path.name, path.stat().st_size)
        return
    if not stat.S_ISDIR(mode):
        raise UserError(f"{excerpt(str(path))} is neither a file nor a folder")
    for count, found in enumerate(_below(path)):
        _bound(count, str(path))
        mode = found.lstat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
            raise UserError(f"{excerpt(str(found))} is {kind}", hint="replace it with the file itself")
        yield StoredFile(str(found), found.relative_to(path).as_posix(), found.lstat().st_size)


def _below(folder: Path) -> Iterator[Path]:
    """Yield what is no folder below a folder. Links to folders are not followed."""

    def refuse(error: OSError) -> None:
        raise disk_error(error, f"cannot read {excerpt(str(folder))}")

    for current, folders, names in os.walk(folder, onerror=refuse):
        links = [name for name in folders if Path(current, name).is_symlink()]
        yield from (Path(current, name) for name in (*names, *links))


def _remote_files(address: str) -> Iterator[StoredFile]:
    system = _file_system(address)
    root = str(system._strip_protocol(address)).rstrip("/")
    scheme = address.partition("://")[0]
    try:
        found: dict[str, dict[str, Any]] = system.find(root, detail=True)
    except FileNotFoundError:
        return
    except Exception as error:  # each store raises errors of its own library
        raise UserError(f"cannot list {excerpt(address)}: {excerpt(str(error))}", status=OUTSIDE) from None
    for count, (path, entry) in enumerate(found.items()):
        _bound(count, address)
        name = path.removeprefix(f"{root}/") if path != root else path.rpartition("/")[2]
        etag = entry.get("ETag") or entry.get("etag")
        yield StoredFile(f"{scheme}://{path}", name, int(entry["size"]), str(etag).strip('"') if etag else None)


def _bound(count: int, address: str) -> None:
    if count >= MOST_FILES:
        raise UserError(f"{excerpt(address)} has more than {MOST_FILES} files", hint="name a smaller part of it")


def _file_system(address: str) -> Any:
    scheme = address.partition("://")[0]
    package = SCHEMES.get(scheme)
    if package is None:
        known = ", ".join(f"{known}://" for known in ("file", *SCHEMES))
        raise UserError(f"`{excerpt(address)}` has a scheme that is not read", hint=f"known: {known}")
    try:
        import fsspec

        return fsspec.filesystem(scheme)
    except ImportError:
        raise UserError(
            f"{scheme}:// needs the Python packages `fsspec` and `{package}`", hint=f"pip install fsspec {package}"
        ) from None
    except Exception as error:  # each store raises errors of its own library
        message = f"cannot connect to the store of {excerpt(address)}: {excerpt(str(error))}"
        raise UserError(message, status=OUTSIDE) from None


def object_store(address: str) -> Any:
    """Return the file system of fsspec for an address. UserError if its scheme is not read."""
    return _file_system(address)
