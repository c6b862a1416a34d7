"""An object store in memory, behind the classes of fsspec that s3fs, gcsfs and adlfs derive from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem


class ObjectStore(AbstractFileSystem):  # type: ignore[misc]
    """A store whose files are read in ranges. ``contents`` has the bytes of each path, bucket first.

    A read behind ``fails_after`` bytes raises an error that is none of Python's for files.
    """

    protocol = "s3"
    cachable = False

    def __init__(self, contents: Mapping[str, bytes], fails_after: int | None = None) -> None:
        super().__init__()
        self.fails_after = fails_after
        self.contents = contents

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path in self.contents:
            return {"name": path, "size": len(self.contents[path]), "type": "file", "ETag": '"tag"'}
        if any(name.startswith(f"{path}/") for name in self.contents):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        path = self._strip_protocol(path)
        below = {name[len(path) + 1 :].partition("/")[0] for name in self.contents if name.startswith(f"{path}/")}
        found = [path] if path in self.contents else [f"{path}/{name}" for name in sorted(below)]
        if not found:
            raise FileNotFoundError(path)
        return [self.info(name) for name in found] if detail else found

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **_: Any) -> AbstractBufferedFile:
        return _StoredObject(self, path, mode, block_size=4096)


class _StoredObject(AbstractBufferedFile):  # type: ignore[misc]
    def _fetch_range(self, start: int, end: int) -> bytes:
        if self.fs.fails_after is not None and end > self.fs.fails_after:
            raise LookupError("the token is too old")
        content: bytes = self.fs.contents[self.path]
        return content[start:end]
