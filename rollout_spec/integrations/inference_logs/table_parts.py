"""Parts of a Parquet table whose columns become known while it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rollout_spec.integrations.arrow import import_parquet
from rollout_spec.integrations.inference_logs.columns import Kind

FACTS: Mapping[str, str] = {
    "request_id": "string",
    "row": "int32",
    "time": "timestamp",
    "model": "string",
    "version": "string",
    "status": "int32",
    "latency_ms": "double",
    "segment": "string",
    "label_number": "double",
    "label_text": "string",
    "weight": "double",
}
"""The types of the columns that every table has."""
TYPES: Mapping[Kind, str] = {"number": "double", "text": "string", "bool": "bool"}
_ROWS_AT_ONCE = 4096


class Parts:
    """Parts of a table. A new column begins a new part; at the end they become one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet = import_parquet("an analysis table")
        self._writer: Any = None
        self._schema: Any = None
        self._paths: list[Path] = []

    def __enter__(self) -> Parts:
        self._folder = tempfile.TemporaryDirectory(prefix=".table-", dir=self._path.parent)
        return self

    def __exit__(self, *error: object) -> None:
        self._close()
        self._folder.cleanup()

    def write(self, values: Mapping[str, Sequence[Any]], rows: int, columns: Mapping[str, Kind]) -> None:
        """Write rows. A column of the table that has no values is missing in all of them."""
        import pyarrow

        schema = schema_of(columns)
        if schema != self._schema:
            self._close()
            self._schema = schema
            self._paths.append(Path(self._folder.name, f"{len(self._paths)}.parquet"))
            self._writer = self._open(self._paths[-1], schema)
        arrays = [
            pyarrow.array(values[field.name], field.type) if field.name in values else pyarrow.nulls(rows, field.type)
            for field in schema
        ]
        self._writer.write_table(pyarrow.table(arrays, schema=schema))

    def join(self, columns: Mapping[str, Kind]) -> None:
        """Move the only part to the path of the table, or copy all parts into one file."""
        self._close()
        schema = schema_of(columns)
        if len(self._paths) == 1 and schema == self._schema:
            self._paths[0].replace(self._path)
            return
        joined = Path(self._folder.name, "joined.parquet")
        with self._open(joined, schema) as writer:
            for path in self._paths:
                for table in self._read(path, schema):
                    writer.write_table(table)
        joined.replace(self._path)

    def _read(self, path: Path, schema: Any) -> Iterator[Any]:
        """Yield a part in pieces, with the columns that later parts added."""
        import pyarrow

        with self._parquet.ParquetFile(path) as part:
            known = set(part.schema_arrow.names)
            for batch in part.iter_batches(batch_size=_ROWS_AT_ONCE):
                arrays = [
                    batch.column(field.name) if field.name in known else pyarrow.nulls(batch.num_rows, field.type)
                    for field in schema
                ]
                yield pyarrow.table(arrays, schema=schema)

    def _open(self, path: Path, schema: Any) -> Any:
        return self._parquet.ParquetWriter(path, schema, compression="zstd")

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def schema_of(columns: Mapping[str, Kind]) -> Any:
    """Return the schema of a table in Arrow's types: the facts, then the inputs and outputs."""
    import pyarrow

    types = {
        "string": pyarrow.string(),
        "int32": pyarrow.int32(),
        "double": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "timestamp": pyarrow.timestamp("us", "UTC"),
    }
    names = {**FACTS, **{name: TYPES[kind] for name, kind in columns.items()}}
    return pyarrow.schema([(name, types[kind]) for name, kind in names.items()])


def table_columns(schema: Any) -> dict[str, Kind] | None:
    """Return the kinds of the inputs and outputs of a Parquet file, None if it is not an analysis table.

    Whole numbers and any precision count as numbers. Missing columns or other types make it a log of another form.
    """
    kinds = {name: _kind(kind) for name, kind in zip(schema.names, schema.types, strict=True)}
    facts = {field.name: _kind(field.type) for field in schema_of({})}
    if len(kinds) != len(schema.names) or any(kinds.get(name) != kind for name, kind in facts.items()):
        return None
    columns: dict[str, Kind] = {}
    for name, kind in kinds.items():
        if name.startswith(("input.", "output.")):
            if kind is None or kind == "time":
                return None
            columns[name] = kind
    return columns if any(name.startswith("input.") for name in columns) else None


def _kind(arrow_type: Any) -> Kind | Literal["time"] | None:
    from pyarrow import types

    if types.is_integer(arrow_type) or types.is_floating(arrow_type):
        return "number"
    if types.is_string(arrow_type) or types.is_large_string(arrow_type):
        return "text"
    if types.is_boolean(arrow_type):
        return "bool"
    return "time" if types.is_timestamp(arrow_type) else None
