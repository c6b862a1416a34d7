"""Predictions of both models for one holdout set, from a CSV or Parquet file."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.text import excerpt
from rollout_spec.domain.judgement.offline import Holdout
from rollout_spec.integrations.arrow import import_parquet

_MOST_BYTES = 256 * 1024 * 1024
_MOST_ROWS = 2_000_000
"""Rows of a file: a small Parquet file may repeat one value a billion times."""
_SAMPLE = "use a sample of its rows"
_LABEL = "label"


def read_holdout(path: Path, stable: str, candidate: str) -> Holdout:
    """Return the label and both scores of each row. UserError if the file or a row cannot be used.

    The columns are ``label``, and ``stable`` and ``candidate`` or the names of both versions.
    """
    content = _content(path)
    wanted = {_LABEL, "stable", "candidate", stable, candidate}
    columns = _parquet(path, content, wanted) if content.startswith(b"PAR1") else _csv(path, content)
    names = [_LABEL, _column(columns, "stable", stable, path), _column(columns, "candidate", candidate, path)]
    if _LABEL not in columns:
        raise UserError(f"{path} has no column `{_LABEL}`", hint=_columns_hint(columns))
    return Holdout(*(columns[name] for name in names))


def _content(path: Path) -> bytes:
    """Return the bytes of a regular file. A pipe or a device may never end."""
    try:
        if not path.is_file():
            path.stat()  # the error of a missing file
            raise UserError(f"{path} is not a regular file", hint="write the predictions into a file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from None
    if len(content) > _MOST_BYTES:
        raise UserError(f"{path} has more than {_MOST_BYTES // 1024 // 1024} MiB", hint=_SAMPLE)
    return content


def _column(columns: Mapping[str, Sequence[float]], arm: str, version: str, path: Path) -> str:
    for name in (arm, version):
        if name in columns:
            return name
    raise UserError(f"{path} has no column `{arm}` or `{version}`", hint=_columns_hint(columns))


def _columns_hint(columns: Mapping[str, Sequence[float]]) -> str:
    names = ", ".join(excerpt(name) for name in list(columns)[:10])
    return f"it needs `label`, and `stable` and `candidate` or the names of both versions; it has {names or 'none'}"


def _csv(path: Path, content: bytes) -> dict[str, list[float]]:
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        head = next(rows, [])
        if len(set(head)) != len(head):
            raise UserError(f"{path}:1: a column has the name of another one", hint="name each column once")
        values: list[list[float]] = [[] for _ in head]
        for row in rows:
            if len(row) != len(head):
                raise UserError(f"{path}:{rows.line_num}: {len(row)} values, but {len(head)} columns")
            if values and len(values[0]) >= _MOST_ROWS:
                raise UserError(f"{path} has more than {_MOST_ROWS:,} rows", hint=_SAMPLE)
            for column, text in zip(values, row, strict=True):
                column.append(_number(text, path, rows.line_num))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8", hint="write CSV in UTF-8, or Parquet") from None
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: not CSV: {error}") from None
    return dict(zip(head, values, strict=True))


def _number(text: str, path: Path, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        message = f"{path}:{line}: `{excerpt(text)}` is not a number"
        raise UserError(message, hint="write labels as 0 and 1, and scores as numbers") from None


def _parquet(path: Path, content: bytes, wanted: Collection[str]) -> dict[str, list[float]]:
    """Return the columns of numbers. Those that are not wanted are empty."""
    parquet = import_parquet(f"{path} is Parquet, which", "pip install 'rollout-spec[holdout]', or write CSV")
    from pyarrow import ArrowException, BufferReader, types

    try:
        file = parquet.ParquetFile(BufferReader(content))
        groups = (file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups))
        if max(file.metadata.num_rows, sum(groups)) > _MOST_ROWS:
            raise UserError(f"{path} has more than {_MOST_ROWS:,} rows", hint=_SAMPLE)
        schema = file.schema_arrow
        if len(set(schema.names)) != len(schema.names):
            raise UserError(f"{path}: a column has the name of another one", hint="name each column once")
        kinds = (types.is_integer, types.is_floating, types.is_boolean)
        numbers = [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]
        table = file.read(columns=[name for name in numbers if name in wanted])
    except (ArrowException, OSError) as error:
        raise UserError(f"{path} is not Parquet: {excerpt(str(error))}") from None
    columns: dict[str, list[float]] = {name: [] for name in numbers}  # the others are for the message
    for name, column in zip(table.column_names, table.columns, strict=True):
        columns[name] = [float("nan") if value is None else float(value) for value in column.to_pylist()]
    return columns
