"""Records turned into rows of the analysis table, a chunk at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rollout_spec.core.inference import InferenceRecord, Scalar, Tensor, UnreadableRecord
from rollout_spec.core.tensors import scalar_text
from rollout_spec.integrations.inference_logs.columns import (
    MOST_COLUMNS,
    Chunk,
    column_names,
    convert,
    kind_of,
    row_count,
    shorten,
    size_of,
)
from rollout_spec.integrations.inference_logs.table_parts import FACTS, Parts
from rollout_spec.integrations.inference_logs.table_summary import TableSummary

_MOST_ROWS = 20_000
_MOST_SIZE = 32 * 1024 * 1024
"""A chunk is written above one of these."""
_MOST_SHOWN = 20
_MOST_LEFT_OUT = 1000
_LABEL = "label"


class TableRows:
    """Rows that are collected and written to parts of a table."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._chunk = Chunk()
        self._names: dict[str, set[str]] = {"input.": set(), "output.": set()}
        self._folded: set[str] = set()
        self._named: dict[tuple[str, int], tuple[str, ...]] = {}
        self.summary = TableSummary()

    def add(self, record: InferenceRecord | UnreadableRecord) -> None:
        """Add the rows of a record, or count an unreadable one."""
        if isinstance(record, UnreadableRecord):
            self.summary.unreadable += 1
            if len(self.summary.examples) < _MOST_SHOWN:
                self.summary.examples.append(record)
            return
        rows = row_count(record)
        self.summary.records += 1
        self.summary.unanswered += record.status == 0
        self.summary.without_rows += rows == 0
        self._add_facts(record, rows)
        for prefix, tensors in (("input.", record.inputs), ("output.", record.outputs)):
            for tensor in tensors:
                self._add_tensor(prefix, tensor, record, rows)
        self._chunk.rows += rows
        self.summary.rows += rows
        if self._chunk.rows >= _MOST_ROWS or self._chunk.size >= _MOST_SIZE:
            self._write()

    def finish(self) -> TableSummary:
        """Write the last rows, and return the counts. A column without any value holds numbers."""
        if self._chunk.rows:
            self._write()
        for names in self._names.values():
            for name in sorted(names - self.summary.columns.keys()):
                self.summary.columns[name] = "number"
                self.summary.valueless.add(name)
        return self.summary

    def _add_facts(self, record: InferenceRecord, rows: int) -> None:
        facts: Mapping[str, Any] = {
            "request_id": record.request_id,
            "time": record.time,
            "model": record.model,
            "version": record.version,
            "status": record.status,
            "latency_ms": record.latency_ms,
            "segment": record.segment,
            "weight": record.weight,
        }
        for name, value in facts.items():
            self._chunk.add(name, [value] * rows)
        self._chunk.add("row", range(rows))
        if record.label is not None and len(record.label) != rows:
            self.summary.uneven += 1
        elif record.label is not None:
            self._chunk.add(_LABEL, record.label)

    def _add_tensor(self, prefix: str, tensor: Tensor, record: InferenceRecord, rows: int) -> None:
        if (tensor.shape[0] if tensor.shape else 1) != rows:
            self.summary.uneven += 1
            return
        width = len(tensor.data) // rows if rows else 0
        self._chunk.size += size_of(tensor)
        for at, column in enumerate(self._columns(f"{prefix}{tensor.name}", width)):
            if column in self._names[prefix] or self._add_column(prefix, column, record):
                self._chunk.add(column, tensor.data[at::width])

    def _columns(self, name: str, width: int) -> tuple[str, ...]:
        """Return the names of a tensor's columns. Those of the first tensors are remembered."""
        names = self._named.get((name, width))
        if names is None:
            names = column_names(name, width)
            if len(self._named) < MOST_COLUMNS and width <= MOST_COLUMNS:
                self._named[name, width] = names
        return names

    def _add_column(self, prefix: str, column: str, record: InferenceRecord) -> bool:
        """Add a column, and return whether there is room. A request that the model refused adds none.

        Engines take names that differ only in case for the same, so the second one is left out.
        """
        if record.status != 200:
            return False
        if len(self._names[prefix]) >= MOST_COLUMNS or column.casefold() in self._folded:
            if len(self.summary.left_out) < _MOST_LEFT_OUT:
                self.summary.left_out.add(column)
            return False
        self._names[prefix].add(column)
        self._folded.add(column.casefold())
        return True

    def _write(self) -> None:
        """Write the chunk, and decide the kinds of columns that have their first values."""
        chunk, columns = self._chunk, self.summary.columns
        label = chunk.values(_LABEL)
        values: dict[str, Sequence[Any]] = {
            "label_number": [_number(value) for value in label],
            "label_text": [None if value is None else shorten(scalar_text(value)) for value in label],
        }
        for name in chunk.columns:
            if name in FACTS:
                values[name] = chunk.values(name)
            elif name != _LABEL:
                kind = columns.get(name) or kind_of(chunk.columns[name])
                if kind:
                    columns[name] = kind
                    values[name], misfits, cut = convert(chunk.values(name), kind)
                    self.summary.misfits.update({name: misfits} if misfits else {})
                    self.summary.cut += cut
        self._parts.write(values, chunk.rows, columns)
        self._chunk = Chunk()


def _number(value: Scalar) -> float | None:
    return float(value) if isinstance(value, bool | int | float) else None
