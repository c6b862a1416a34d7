"""The pairs table: logged and replayed values as Parquet, by row of a request and output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rollout_spec.integrations.arrow import import_parquet

COLUMNS: Mapping[str, str] = {
    "request_id": "string",
    "row": "int32",
    "segment": "string",
    "label_number": "double",
    "label_text": "string",
    "weight": "double",
    "arm": "string",
    "output": "string",
    "logged_number": "double",
    "replayed_number": "double",
    "logged_text": "string",
    "replayed_text": "string",
    "overlap": "double",
    "rbo": "double",
    "tau": "double",
    "exact": "bool",
    "edit_ratio": "double",
    "token_f1": "double",
    "length_ratio": "double",
}
"""The columns and their types. A row has values in those of its kind of output."""
_ROWS_AT_ONCE = 5_000
_CHARACTERS_AT_ONCE = 16 * 1024 * 1024


class PairsWriter:
    """A table that is written. It is complete when the context ends."""

    def __init__(self, path: Path) -> None:
        parquet = import_parquet("replay")
        import pyarrow

        self._arrow = pyarrow
        types = {name: pyarrow.type_for_alias(alias) for name, alias in COLUMNS.items()}
        self._schema = pyarrow.schema(list(types.items()))
        self._writer: Any = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []
        self._characters = 0

    def __enter__(self) -> PairsWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._write()
        self._writer.close()

    def add(self, fields: Mapping[str, Any]) -> None:
        """Add a row. Columns that it lacks are null."""
        self._rows.append(fields)
        self._characters += sum(len(value) for value in fields.values() if isinstance(value, str))
        if len(self._rows) >= _ROWS_AT_ONCE or self._characters >= _CHARACTERS_AT_ONCE:
            self._write()

    def _write(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows, self._characters = [], 0
