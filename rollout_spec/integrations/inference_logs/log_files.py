"""Files of a log, and their entries: objects of JSON lines, and rows of Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.core.tensors import TensorError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.inference_logs.fields import FieldError
from rollout_spec.integrations.inference_logs.json_text import JsonError, read_json
from rollout_spec.integrations.inference_logs.lines import read_lines
from rollout_spec.integrations.storage import StoredFile, list_files, open_file

PARQUET_MAGIC = b"PAR1"
UNREADABLE = (FieldError, JsonError, TensorError)
"""The errors that make one entry unreadable, and leave the others."""
_DELTA_LOG = "_delta_log"
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of a log, and its position."""

    file: str
    line: int
    fields: dict[str, Any]

    def unreadable(self, reason: str) -> UnreadableRecord:
        """Return this entry as one that cannot be read."""
        return UnreadableRecord(self.file, self.line, reason)


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

    Names that begin with `.` or `_` are marks of programs, such as `_SUCCESS`, and are left out.
    """
    files = list_files(address)
    if any(_DELTA_LOG in file.name.split("/") for file in files):
        message = f"{excerpt(address)} is a Delta table, whose folder also holds deleted rows"
        raise UserError(message, hint="export its rows as Parquet, and name that folder")
    kept = files if len(files) == 1 else [file for file in files if not _is_mark(file.name)]
    if not kept:
        raise UserError(f"no log at {excerpt(address)}", hint="name a file, or a folder that holds files")
    return kept


def is_parquet(file: StoredFile) -> bool:
    """Return whether a file begins as Parquet does."""
    with open_file(file) as stream:
        return stream.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def read_entries(files: Sequence[StoredFile]) -> Iterator[Entry | UnreadableRecord]:
    """Yield the objects of all files in order. Memory is bounded by the longest line."""
    for file in files:
        if is_parquet(file):
            from rollout_spec.integrations.inference_logs.parquet_rows import read_rows

            for line, row in read_rows(file):
                yield Entry(file.address, line, row)
        else:
            yield from _json_entries(file)


def _json_entries(file: StoredFile) -> Iterator[Entry | UnreadableRecord]:
    for line, content in read_lines(file):
        if isinstance(content, str):
            yield UnreadableRecord(file.address, line, content)
            continue
        try:
            value = read_json(content)
        except JsonError as error:
            yield UnreadableRecord(file.address, line, str(error))
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield Entry(file.address, line, item)
            else:
                yield UnreadableRecord(file.address, line, "not a JSON object")


def _is_mark(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))
