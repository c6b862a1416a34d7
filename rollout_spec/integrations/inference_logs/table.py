"""The analysis table of a log: Parquet, with one row for each row of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.core.text import escape, excerpt
from rollout_spec.integrations.arrow import import_parquet
from rollout_spec.integrations.inference_logs import LogOptions, open_log
from rollout_spec.integrations.inference_logs.log_files import is_parquet, log_files
from rollout_spec.integrations.inference_logs.reading import opened
from rollout_spec.integrations.inference_logs.table_parts import Parts, table_columns
from rollout_spec.integrations.inference_logs.table_rows import TableRows
from rollout_spec.integrations.inference_logs.table_summary import TableSummary
from rollout_spec.integrations.storage import StoredFile

_EVERY = 1000
"""Entries between two calls of the progress."""


def write_table(
    records: Iterable[InferenceRecord | UnreadableRecord],
    path: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> TableSummary:
    """Write records as a Parquet file, and return its counts. Memory is bounded by a chunk of rows.

    ``progress`` is called with the number of entries so far. UserError if the log has no row.
    """
    try:
        with Parts(path) as parts:
            rows = TableRows(parts)
            for count, record in enumerate(records, 1):
                rows.add(record)
                if progress and count % _EVERY == 0:
                    progress(count)
            summary = rows.finish()
            if not summary.rows:
                raise UserError("no record of the log has a row", hint=_first_reason(summary))
            parts.join(summary.columns)
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from None
    return summary


def _first_reason(summary: TableSummary) -> str | None:
    if not summary.examples:
        return None
    first = summary.examples[0]
    place = f"{escape(first.file)}:{first.line}"
    return f"entries that cannot be read: {summary.unreadable:,}, such as {place}: {first.reason}"


@dataclass(frozen=True)
class Table:
    """The files of an analysis table, and its counts."""

    paths: tuple[str, ...]
    summary: TableSummary


def as_table(
    address: str,
    path: Path,
    *,
    format: str | None = None,
    options: LogOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> Table:
    """Return a log as an analysis table: the log itself if it is one, else a new file at ``path``.

    A table is written again if its labels lie apart.
    """
    has_labels = options is not None and options.labels is not None
    if format in (None, "parquet") and not has_labels:
        direct = direct_table(log_files(address))
        if direct:
            return direct
    log = open_log(address, format, options)
    summary = write_table(log.records(), path, progress=progress)
    summary.format = log.format
    return Table((str(path),), summary)


def direct_table(files: Sequence[StoredFile]) -> Table | None:
    """Return Parquet files that have the columns of the table, None if one does not. Rows are not read.

    UserError if a column has another kind in another file, or if two differ only in case: engines take them for one.
    """
    summary, spelled = TableSummary(format="parquet", is_direct=True), dict[str, str]()
    for file in files:
        if not is_parquet(file):
            return None
        with opened(file) as stream:
            content = import_parquet(f"{escape(file.address)} is Parquet, which").ParquetFile(stream)
            columns = table_columns(content.schema_arrow)
            if columns is None:
                return None
            summary.rows += content.metadata.num_rows
        for name, kind in columns.items():
            if spelled.setdefault(name.casefold(), name) != name:
                message = f"{escape(file.address)}: `{excerpt(name)}` and `{excerpt(spelled[name.casefold()])}`"
                raise UserError(f"{message} differ only in case", hint="rename one of both columns")
            if summary.columns.setdefault(name, kind) != kind:
                message = f"{escape(file.address)}: `{excerpt(name)}` is {kind}, but {summary.columns[name]} before"
                raise UserError(message, hint="write the column with one type in all files")
    return Table(tuple(file.address for file in files), summary)
