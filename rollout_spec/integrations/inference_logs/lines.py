"""Lines of a file, plain or gzip, within bounds of length and expansion."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from rollout_spec.integrations.inference_logs.reading import opened
from rollout_spec.integrations.storage import StoredFile

LONGEST_LINE = 16 * 1024 * 1024
MOST_EXPANSION = 200
"""The most bytes that one compressed byte may become, beyond ``_FREE`` bytes. JSON rarely reaches 50."""
_FREE = 64 * 1024 * 1024
_BUFFER = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(file: StoredFile) -> Iterator[tuple[int, bytes | str]]:
    """Yield the lines that are not empty, with their numbers; for an unreadable one the reason as text."""
    with opened(file) as raw:
        compressed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        raw.seek(0)
        stream = _Expansion(raw) if compressed else _buffered(raw)
        number = 0
        try:
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                    yield number, f"a line of more than {LONGEST_LINE // 1024 // 1024} MiB"
                    while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                        pass
                elif not line.isspace():
                    yield number, line
        except (gzip.BadGzipFile, EOFError, zlib.error, _ExpansionError) as error:
            yield number + 1, f"cannot be read: {error}; the rest of the file is not read"


def _buffered(raw: BinaryIO) -> io.BufferedReader:
    """Return a file whose lines have a limit. `readline` of fsspec's files takes none."""
    return io.BufferedReader(cast(io.RawIOBase, raw), _BUFFER)


class _ExpansionError(Exception):
    """A compressed file that expands too far."""


class _Expansion:
    """The expanded lines of a gzip file."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._stream = gzip.GzipFile(fileobj=raw)

    def readline(self, size: int) -> bytes:
        line = self._stream.readline(size)
        if self._stream.tell() > _FREE + MOST_EXPANSION * self._raw.tell():
            raise _ExpansionError(f"it expands to more than {MOST_EXPANSION} times its size")
        return line
