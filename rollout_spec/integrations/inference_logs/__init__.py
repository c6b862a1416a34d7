"""Inference logs of model servers, read into records and into a table for analysis.

The records are those of ``core/inference.py``. Imports ``core`` and ``integrations/storage.py``. To add a format: one
module here with ``recognises`` and ``read_records``, one line below. Start with ``jsonl``; ``log_files`` reads the
files, ``table`` writes the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain
from typing import Any, Protocol, cast

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.core.tensors import MOST_ROWS
from rollout_spec.core.text import did_you_mean, escape, excerpt
from rollout_spec.integrations.inference_logs.columns import row_count
from rollout_spec.integrations.inference_logs.labels import keep_labels, label_of
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, log_files, read_entries
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.inference_logs.scratch import Scratch

__all__ = ["FORMATS", "LogOptions", "OpenLog", "open_log", "read_log"]


class LogFormat(Protocol):
    """A module of this package."""

    def recognises(self, fields: Mapping[str, Any], /) -> bool:
        """Return whether the first entry of a log is in this format."""

    def read_records(
        self, entries: Iterable[Entry | UnreadableRecord], options: LogOptions, /
    ) -> Iterator[Located | UnreadableRecord]:
        """Yield the records of all entries, and the unreadable ones."""


FORMATS = {
    "jsonl": "jsonl",
    "parquet": "parquet",
    "kserve": "kserve",
    "mlserver": "mlserver",
    "sagemaker": "sagemaker",
    "databricks": "databricks",
    "open-inference": "open_inference",
}
"""The modules of formats, by name, in the order in which they are tried. Each is imported at its first use."""


@dataclass(frozen=True)
class OpenLog:
    """A log whose format is known. ``is_recognised`` says that the first entry decided the format."""

    format: str
    is_recognised: bool
    entries: Iterator[Entry | UnreadableRecord]
    options: LogOptions

    def records(self) -> Iterator[InferenceRecord | UnreadableRecord]:
        """Yield the records once. A record whose id an earlier one has is unreadable."""
        with closing(Scratch()) as scratch:
            if self.options.labels is not None:
                yield from keep_labels(self.options.labels, scratch)
            for found in _module(self.format).read_records(self.entries, self.options):
                yield found if isinstance(found, UnreadableRecord) else _checked(found, scratch)


def _checked(found: Located, scratch: Scratch) -> InferenceRecord | UnreadableRecord:
    """Return a record with its label, or an unreadable one if an earlier record has its id."""
    record = found.record
    rows = row_count(record)
    if rows > MOST_ROWS:
        return found.entry.unreadable(f"a request of {rows:,} rows, more than the limit of {MOST_ROWS:,}")
    if not scratch.is_new(record.request_id):
        return found.entry.unreadable(f"an earlier record has the request id `{excerpt(record.request_id)}`")
    if record.label is not None:
        return record
    label = label_of(found.label_key or record.request_id, scratch)
    return record if label is None else replace(record, label=label)


def read_log(
    address: str, format: str | None = None, options: LogOptions | None = None
) -> Iterator[InferenceRecord | UnreadableRecord]:
    """Yield the records of a log, and those that cannot be read.

    UserError if the log is missing or of no known format. ``address`` is a file or folder, here or in an object store.
    """
    return open_log(address, format, options).records()


def open_log(address: str, format: str | None = None, options: LogOptions | None = None) -> OpenLog:
    """Open a log in a format, or in the format that its first readable entry has."""
    if format is not None and format not in FORMATS:
        raise UserError(f"unknown format of a log: {excerpt(format)}", hint=did_you_mean(format, FORMATS))
    entries = read_entries(log_files(address))
    if format is None:
        recognised, entries = _recognise(address, entries)
        return OpenLog(recognised, True, entries, options or LogOptions())
    return OpenLog(format, False, entries, options or LogOptions())


def _recognise(
    address: str, entries: Iterator[Entry | UnreadableRecord]
) -> tuple[str, Iterator[Entry | UnreadableRecord]]:
    """Return the format of the first readable entry, and the entries from the first on."""
    before: list[UnreadableRecord] = []
    for entry in entries:
        if isinstance(entry, UnreadableRecord):
            before.append(entry)
            if len(before) < _MOST_TRIED:
                continue
            break
        for name in FORMATS:
            if _module(name).recognises(entry.fields):
                return name, chain(before, [entry], entries)
        keys = ", ".join(excerpt(key) for key in list(entry.fields)[:8])
        message = f"{escape(entry.file)}:{entry.line}: an entry of no known format, with the keys {keys or 'none'}"
        raise UserError(message, hint=f"name the format: {', '.join(FORMATS)}")
    if not before:
        raise UserError(f"{escape(address)} holds no entry", hint="name a log with at least one request")
    first = before[0]
    raise UserError(f"{escape(first.file)}:{first.line}: {first.reason}", hint="name a log of JSON lines or Parquet")


_MOST_TRIED = 100
"""Unreadable entries at the beginning, after which the format is not looked for."""


def _module(name: str) -> LogFormat:
    return cast(LogFormat, import_module(f"{__name__}.{FORMATS[name]}"))
