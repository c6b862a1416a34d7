"""Objects of a git repository, all read by one process: its start takes fifty times as long as a read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple
from weakref import finalize

from rollout_spec.integrations.git.command import GitError, Plumbing


class Entry(NamedTuple):
    """An entry of a folder: its mode and the id of its object. A link or a submodule is not a file."""

    mode: str
    oid: str

    @property
    def is_file(self) -> bool:
        return self.mode.startswith("100")

    @property
    def is_program(self) -> bool:
        return self.mode == "100755"

    @property
    def is_folder(self) -> bool:
        return self.mode == "40000"


class Objects:
    """The objects of one repository. The process starts with the first read.

    With ``sizes`` it reads only their sizes.
    """

    def __init__(self, plumbing: Plumbing, *, sizes: bool = False) -> None:
        self._plumbing = plumbing
        self._sizes = sizes
        self._process: Any = None
        self._owner = 0
        self._end: Any = None
        self._lock = Lock()

    def blob(self, oid: str) -> bytes:
        """Return the content of a file by its id."""
        return self._read(oid)[1]

    def size(self, oid: str) -> int:
        """Return the size of a file in bytes by its id, without reading it."""
        return self._read(oid)[2]

    def tree(self, name: str) -> Iterator[tuple[str, Entry]]:
        """Yield the name and entry of each member of a folder. ``name`` is its id or ``<commit>^{tree}``."""
        oid, content, _ = self._read(name)
        size, start = len(oid) // 2, 0
        while start < len(content):
            mode, _, rest = content[start : content.index(b"\0", start)].partition(b" ")
            end = start + len(mode) + len(rest) + 2
            yield rest.decode("utf-8", "replace"), Entry(mode.decode(), content[end : end + size].hex())
            start = end + size

    def close(self) -> None:
        """End the process. The next read starts another one."""
        with self._lock:
            if self._process is not None and self._owner == os.getpid():
                self._end()
            self._process = None

    def _read(self, name: str) -> tuple[str, bytes, int]:
        """Return the id, content and size of one object. GitError if absent."""
        with self._lock:
            process = self._started()
            try:
                process.stdin.write(f"{name}\n".encode())
                process.stdin.flush()
                oid, *facts = process.stdout.readline().decode().split()
                size = int(facts[1])
                content: bytes = b"" if self._sizes else process.stdout.read(size + 1)[:-1]
            except (OSError, ValueError, IndexError):
                self._process = None
                raise GitError("git cat-file failed", f"object {name} not found") from None
        return oid, content, size

    def _started(self) -> Any:
        """Return the process. A forked process starts its own, or their answers would mix."""
        if self._process is None or self._owner != os.getpid():
            words = "--batch-check" if self._sizes else "--batch"
            self._process, self._owner = self._plumbing.start("cat-file", words), os.getpid()
            self._end = finalize(self, _end, self._process)
        return self._process


def _end(process: Any) -> None:
    """Close the pipes of a process and wait for its end."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        with suppress(OSError):
            pipe.close()
    process.proc.wait()
