"""The examination of an artifact: whether it exists, and the digest of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import Examination
from rollout_spec.core.text import excerpt, one_line
from rollout_spec.core.tree_digest import tree_digest
from rollout_spec.integrations.deadline import within
from rollout_spec.integrations.registries.base import ArtifactStore
from rollout_spec.integrations.registries.digest_cache import DigestCache
from rollout_spec.integrations.registries.oci import OciRegistries
from rollout_spec.integrations.storage import SCHEMES, MissingLibraryError, StoredFile, list_files, open_file

MOST_HASHED = 2 << 30
"""The bytes of an artifact that are read without an order to do so."""
MOST_IN_ALL = 16 << 30
"""The bytes of all artifacts together: a pull request may name very many."""
_LIST_SECONDS = 120.0
_HASH_SECONDS = 120.0
_LEAST_RATE = 1 << 20
"""Bytes in a second. A slower store is given up."""
_CHUNK = 1 << 20


class _Storage:
    """Files on disk and in object stores. Relative paths start at a folder."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def files(self, address: str) -> list[StoredFile]:
        """Return the file at an address, or all files below it."""
        is_relative = self._root is not None and "://" not in address
        return list_files(str(self._root / address) if is_relative and self._root else address)

    def open(self, file: StoredFile) -> BinaryIO:
        """Open a listed file for reading."""
        return open_file(file)


@dataclass
class Artifacts:
    """The artifacts at addresses.

    ``root`` is where relative paths start. ``mlflow`` stores ``mlflow-artifacts:`` addresses, ``hash_all`` reads
    artifacts of any size, also those with a remembered digest.
    """

    root: Path | None = None
    mlflow: ArtifactStore | None = None
    oci: OciRegistries = field(default_factory=OciRegistries)
    cache: DigestCache | None = None
    hash_all: bool = False
    most_hashed: int = MOST_HASHED
    most_in_all: int = MOST_IN_ALL
    _hashed_bytes: int = 0

    def examine(self, address: str, *, only_list: bool = False) -> Examination:
        """Examine an artifact. UserError with status 3 if its store does not answer.

        ``only_list``: it is enough that the artifact exists.
        """
        if address.startswith("oci://"):
            return self.oci.examine(address)
        try:
            store = self._store(address)
        except UserError as error:
            return Examination(address, "unreadable", reason=error.message)
        try:
            files = within(_LIST_SECONDS, f"cannot list {excerpt(address)}", lambda: store.files(address))
            return self._examined(address, store, files, only_list=only_list)
        except MissingLibraryError:
            raise
        except UserError as error:
            if error.status == OUTSIDE:
                raise
            return Examination(address, "refused", reason=error.message)

    def read_small(self, address: str, name: str, most: int) -> bytes | None:
        """Return a small file of a folder, None if there is none. UserError if it cannot be read."""
        store = self._store(address)
        files = within(_LIST_SECONDS, f"cannot list {excerpt(address)}", lambda: store.files(address))
        found = next((file for file in files if file.name == name and file.size <= most), None)
        return None if found is None else within(_HASH_SECONDS, f"cannot read {name}", lambda: _content(store, found))

    def _store(self, address: str) -> ArtifactStore:
        scheme = address.partition(":")[0] if ":/" in address else "file"
        if scheme == "mlflow-artifacts" and self.mlflow is not None:
            return self.mlflow
        if scheme in ("file", *SCHEMES):
            return _Storage(self.root)
        if scheme == "mlflow-artifacts":
            raise UserError("no MLflow server is named that stores it")
        known = ", ".join(("file", "oci", "mlflow-artifacts", *SCHEMES))
        raise UserError(f"its scheme {excerpt(scheme)} is not read; known: {known}")

    def _examined(
        self, address: str, store: ArtifactStore, files: Sequence[StoredFile], *, only_list: bool
    ) -> Examination:
        size, count = sum(file.size for file in files), len(files)
        if not files:
            return Examination(address, "missing")
        if only_list:
            return Examination(address, "listed", None, size, count)
        known = self.cache.find(address, files) if self.cache is not None and not self.hash_all else None
        if known is not None:
            return Examination(address, "remembered", known, size, count)
        reason = None if self.hash_all else self._too_large(size)
        if reason is not None:
            return Examination(address, "not-hashed", None, size, count, reason)
        self._hashed_bytes += size
        seconds = _HASH_SECONDS + size / _LEAST_RATE
        digest = within(seconds, f"cannot read {excerpt(address)}", lambda: _digest(store, files))
        if self.cache is not None:
            self.cache.keep(address, files, digest)
        return Examination(address, "hashed", digest, size, count)

    def _too_large(self, size: int) -> str | None:
        """Return why so many bytes are not read without an order, or None if they are."""
        if size > self.most_hashed:
            return f"it has {size:,} bytes, more than {self.most_hashed:,}"
        if self._hashed_bytes + size > self.most_in_all:
            return f"it has {size:,} bytes, and {self._hashed_bytes:,} of {self.most_in_all:,} were read before"
        return None


def _digest(store: ArtifactStore, files: Sequence[StoredFile]) -> str:
    """Return the digest of a file, or that of a folder."""
    if len(files) == 1 and files[0].is_whole:
        return f"sha256:{_hashed(store, files[0])}"
    try:
        return tree_digest({file.name: _hashed(store, file) for file in files})
    except ValueError as error:
        raise UserError(f"its digest is not defined: {error}") from None


def _hashed(store: ArtifactStore, file: StoredFile) -> str:
    """Return the hex digest of a file. UserError if it is not as long as it was when it was listed."""
    digest, count = hashlib.sha256(), 0
    try:
        with store.open(file) as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                count += len(chunk)
                if count > file.size:
                    break
    except UserError:
        raise
    except Exception as error:  # each store raises errors of its own library
        raise _unreadable(file, one_line(str(error) or type(error).__name__, 300)) from None
    if count != file.size:
        raise _unreadable(file, f"it changed while it was read: {count:,} bytes, not {file.size:,}")
    return digest.hexdigest()


def _content(store: ArtifactStore, file: StoredFile) -> bytes:
    parts = bytearray()
    try:
        with store.open(file) as content:
            while len(parts) <= file.size and (chunk := content.read(_CHUNK)):
                parts += chunk
    except UserError:
        raise
    except Exception as error:  # each store raises errors of its own library
        raise _unreadable(file, one_line(str(error) or type(error).__name__, 300)) from None
    return bytes(parts)


def _unreadable(file: StoredFile, reason: str) -> UserError:
    return UserError(f"cannot read {excerpt(file.address)}: {reason}", status=OUTSIDE)
