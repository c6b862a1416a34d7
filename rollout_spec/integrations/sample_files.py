"""CSV and Parquet files of a person: training samples and labels, written as Parquet for the engines."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.arrow import import_parquet
from rollout_spec.integrations.storage import StoredFile, list_files, open_file

MOST_BYTES = 16 * 1024**3
"""The largest file that is read."""
_ROWS_AT_ONCE = 20_000
_LONGEST_HEAD = 1024 * 1024
_MAGIC = b"PAR1"
TYPES = {"number": "float64", "text": "string", "bool": "bool_"}
"""The kinds of columns, and their types in Parquet."""

Choose = Callable[[str, Sequence[str]], Mapping[str, tuple[str, str]]]
"""Return the columns to keep, each with its new name and its kind, from the address and the names of all columns."""


def write_sample(address: str, path: Path, choose: Choose) -> int:
    """Write the chosen columns of a CSV or Parquet file as Parquet, and return the number of rows.

    Each row gets a ``request_id`` (its number) and a ``row`` (0), unless a chosen column has that name. UserError if
    the file cannot be used, or if none of its columns is chosen.
    """
    parquet = import_parquet(excerpt(address))
    from pyarrow import ArrowException

    file = _single(address)
    rows, writer = 0, None
    try:
        with open_file(file) as stream:
            is_parquet = stream.read(len(_MAGIC)) == _MAGIC
        read = _parquet_tables if is_parquet else _csv_tables
        with read(file, choose) as tables:
            for table in tables:
                table = _numbered(table, rows)
                writer = writer or parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
                rows += table.num_rows
    except ArrowException as error:
        raise UserError(f"cannot read {excerpt(address)}: {excerpt(str(error), 200)}") from None
    except OSError as error:
        raise disk_error(error, f"cannot read {excerpt(address)}") from None
    finally:
        if writer is not None:
            writer.close()
    if not rows:
        raise UserError(f"{excerpt(address)} has no rows", hint="name a file with at least one row")
    return rows


def _single(address: str) -> StoredFile:
    files = list_files(address)
    if len(files) != 1:
        message = f"{excerpt(address)} has {len(files)} files" if files else f"nothing is at {excerpt(address)}"
        raise UserError(message, hint="name one file, CSV or Parquet")
    if files[0].size > MOST_BYTES:
        raise UserError(
            f"{excerpt(address)} has more than {MOST_BYTES // 1024**3} GiB", hint="use a sample of its rows"
        )
    return files[0]


@contextmanager
def _parquet_tables(file: StoredFile, choose: Choose) -> Iterator[Iterator[Any]]:
    from pyarrow import Table, parquet

    with open_file(file) as stream:
        content = parquet.ParquetFile(stream)
        chosen = choose(file.address, content.schema_arrow.names)
        batches = content.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(chosen))
        yield (_cast(Table.from_batches([batch]), chosen) for batch in batches)


@contextmanager
def _csv_tables(file: StoredFile, choose: Choose) -> Iterator[Iterator[Any]]:
    import pyarrow
    from pyarrow import csv as arrow_csv

    chosen = choose(file.address, _head(file))
    types = {name: getattr(pyarrow, TYPES[kind])() for name, (_, kind) in chosen.items()}
    options = arrow_csv.ConvertOptions(
        column_types=types, include_columns=list(chosen), strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    with open_file(file) as stream, arrow_csv.open_csv(stream, convert_options=options) as reader:
        yield (_cast(pyarrow.Table.from_batches([batch]), chosen) for batch in reader)


def _head(file: StoredFile) -> list[str]:
    """Return the names of the columns of a CSV file."""
    with open_file(file) as stream:
        line = stream.readline(_LONGEST_HEAD)
    try:
        return next(csv.reader(io.StringIO(line.decode("utf-8-sig"), newline=""), strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{excerpt(file.address)}:1: not CSV in UTF-8: {error}", hint="use CSV or Parquet") from None


def _cast(table: Any, chosen: Mapping[str, tuple[str, str]]) -> Any:
    import pyarrow

    arrays = [table.column(name).cast(getattr(pyarrow, TYPES[kind])()) for name, (_, kind) in chosen.items()]
    return pyarrow.table(arrays, names=[new for new, _ in chosen.values()])


def _numbered(table: Any, before: int) -> Any:
    """Return rows with the columns that each analysis table has."""
    import pyarrow

    count = table.num_rows
    if "request_id" not in table.column_names:
        table = table.append_column("request_id", pyarrow.array([str(before + row) for row in range(count)]))
        table = table.append_column("row", pyarrow.nulls(count, pyarrow.int32()).fill_null(0))
    return table
