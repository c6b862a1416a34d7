"""Lines of a file, plain or gzip, within bounds of length and expansion."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from rollout_spec.integrations.storage import StoredFile, open_file

LONGEST_LINE = 16 * 1024 * 1024
MOST_EXPANSION = 200
"""The most bytes that one compressed byte may become, beyond ``_FREE`` bytes. JSON rarely reaches 50."""
_FREE = 64 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(file: StoredFile) -> Iterator[tuple[int, bytes | str]]:
    """Yield the lines that are not empty, with their numbers; for an unreadable one the reason as text."""
    with open_file(file) as raw:
        compressed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        raw.seek(0)
        stream = _Expansion(raw) if compressed else raw
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
        except (OSError, EOFError, zlib.error) as error:
            yield number + 1, f"cannot be read: {error}; the rest of the file is not read"


class _Expansion:
    """The expanded lines of a gzip file. OSError if it expands too far."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._stream = gzip.GzipFile(fileobj=raw)

    def readline(self, size: int) -> bytes:
        line = self._stream.readline(size)
        if self._stream.tell() > _FREE + MOST_EXPANSION * self._raw.tell():
            raise OSError(f"it expands to more than {MOST_EXPANSION} times its size")
        return line
