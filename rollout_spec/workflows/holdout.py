"""Predictions of both models for one holdout set, from a CSV or Parquet file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.text import excerpt
from rollout_spec.domain.judgement.offline import Holdout

_MOST_BYTES = 256 * 1024 * 1024
_LABEL = "label"


def read_holdout(path: Path, stable: str, candidate: str) -> Holdout:
    """Return the label and both scores of each row. UserError if the file or a row cannot be used.

    The columns are ``label``, and ``stable`` and ``candidate`` or the names of both versions.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path} has more than {_MOST_BYTES // 1024 // 1024} MiB", hint="use a sample of its rows")
        content = path.read_bytes()
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from None
    columns = _parquet(path, content) if content.startswith(b"PAR1") else _csv(path, content)
    names = [_LABEL, _column(columns, "stable", stable, path), _column(columns, "candidate", candidate, path)]
    if _LABEL not in columns:
        raise UserError(f"{path} has no column `{_LABEL}`", hint=_columns_hint(columns))
    return Holdout(*(columns[name] for name in names))


def _column(columns: Mapping[str, Sequence[float]], arm: str, version: str, path: Path) -> str:
    for name in (arm, version):
        if name in columns:
            return name
    raise UserError(f"{path} has no column `{arm}` or `{version}`", hint=_columns_hint(columns))


def _columns_hint(columns: Mapping[str, Sequence[float]]) -> str:
    names = ", ".join(excerpt(name) for name in list(columns)[:10])
    return f"it needs `label`, `stable` and `candidate`, and has {names or 'none'}"


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


def _parquet(path: Path, content: bytes) -> dict[str, list[float]]:
    try:
        from pyarrow import ArrowException, BufferReader, parquet, types
    except ModuleNotFoundError:
        raise UserError(
            f"{path} is Parquet, which needs the Python module `pyarrow`",
            hint="pip install 'rollout-spec[holdout]', or write CSV",
        ) from None
    try:
        table = parquet.ParquetFile(BufferReader(content)).read()
    except (ArrowException, OSError) as error:
        raise UserError(f"{path} is not Parquet: {excerpt(str(error))}") from None
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
            columns[name] = [float("nan") if value is None else float(value) for value in column.to_pylist()]
    return columns
