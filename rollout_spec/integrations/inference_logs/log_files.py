"""Files of a log, and their entries: objects of JSON lines, and rows of Parquet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.core.tensors import TensorError
from rollout_spec.core.text import escape
from rollout_spec.integrations.inference_logs.fields import FieldError
from rollout_spec.integrations.inference_logs.lines import read_lines
from rollout_spec.integrations.inference_logs.reading import opened
from rollout_spec.integrations.json_text import JsonError, read_json
from rollout_spec.integrations.storage import StoredFile, list_files

PARQUET_MAGIC = b"PAR1"
UNREADABLE = (FieldError, JsonError, TensorError)
"""The errors that make one entry unreadable, and leave the others."""
_DELTA_LOG = re.compile(r"(?:.*/)?_delta_log/\d{20}\.(?:json|checkpoint\.parquet)")
_MARK = re.compile(
    r"(?:.*/)?(?:_SUCCESS|_metadata|_common_metadata|_(?:committed|started)_\d+|\.[^/]*\.crc)", re.DOTALL
)
"""Files of Spark beside the rows. The pattern is narrow: KServe names objects by an id that the caller chooses."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of a log, and its position."""

    file: str
    line: int
    fields: dict[str, Any]

    def unreadable(self, reason: str) -> UnreadableRecord:
        """Return this entry as one that cannot be read."""
        return unreadable(self.file, self.line, reason)


def unreadable(file: str, line: int, reason: str) -> UnreadableRecord:
    """Return an entry that cannot be read. A file may have a name that a caller chose, so it is escaped."""
    return UnreadableRecord(escape(file), line, reason)


@dataclass(frozen=True, slots=True)
class Located:
    """A record with the entry that it was read from, and the id by which labels are joined."""

    entry: Entry
    record: InferenceRecord
    label_key: str | None = None


def each_entry(
    entries: Iterable[Entry | UnreadableRecord], read: Callable[[Entry], Value]
) -> Iterator[Value | UnreadableRecord]:
    """Yield the value of each entry, and those that cannot be read."""
    for entry in entries:
        if isinstance(entry, UnreadableRecord):
            yield entry
            continue
        try:
            yield read(entry)
        except UNREADABLE as error:
            yield entry.unreadable(str(error))


def log_files(address: str) -> list[StoredFile]:
    """Return the files of a log. UserError if none is found, or if the address is a Delta table.

    Marks of Spark, such as `_SUCCESS`, are left out.
    """
    files = list_files(address)
    if any(_DELTA_LOG.fullmatch(file.name) for file in files):
        message = f"{escape(address)} is a Delta table, whose folder also holds deleted rows"
        raise UserError(message, hint="export its rows as Parquet, and name that folder")
    kept = files if len(files) == 1 else [file for file in files if not _MARK.fullmatch(file.name)]
    if not kept:
        raise UserError(f"no log at {escape(address)}", hint="name a file, or a folder that holds files")
    return kept


def is_parquet(file: StoredFile) -> bool:
    """Return whether a file begins as Parquet does."""
    with opened(file) as stream:
        return stream.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def read_entries(files: Sequence[StoredFile]) -> Iterator[Entry | UnreadableRecord]:
    """Yield the objects of all files in order. Memory is bounded by the longest line."""
    for file in files:
        if is_parquet(file):
            from rollout_spec.integrations.inference_logs.parquet_rows import read_rows

            for line, row in read_rows(file):
                yield (
                    UnreadableRecord(file.address, line, row)
                    if isinstance(row, str)
                    else Entry(file.address, line, row)
                )
        else:
            yield from _json_entries(file)


def _json_entries(file: StoredFile) -> Iterator[Entry | UnreadableRecord]:
    for line, content in read_lines(file):
        if isinstance(content, str):
            yield unreadable(file.address, line, content)
            continue
        try:
            value = read_json(content)
        except JsonError as error:
            yield unreadable(file.address, line, str(error))
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield Entry(file.address, line, item)
            else:
                yield unreadable(file.address, line, "not a JSON object")
