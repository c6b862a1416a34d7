"""The analysis table, or a table with the same columns: one row for each row of a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from rollout_spec.core.inference import InferenceRecord, Tensor, UnreadableRecord
from rollout_spec.core.tensors import tensor_of_rows
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.log_files import UNREADABLE, Entry, Located
from rollout_spec.integrations.inference_logs.options import LogOptions

_ELEMENT = re.compile(r"(?s)(.+)\[(0|[1-9][0-9]{0,5})\]")


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry has an id, and a column of an input."""
    return "request_id" in fields and any(name.startswith("input.") for name in fields)


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for adjacent rows with the same id."""
    for _, group in groupby(entries, key=_group):
        rows: list[Entry] = []
        for entry in group:
            if isinstance(entry, UnreadableRecord):
                yield entry
            else:
                rows.append(entry)
        if rows:
            try:
                yield Located(rows[0], _record([row.fields for row in rows]))
            except UNREADABLE as error:
                yield rows[0].unreadable(str(error))


def _group(entry: Entry | UnreadableRecord) -> tuple[str, object]:
    if isinstance(entry, UnreadableRecord):
        return entry.file, entry.line
    return "", entry.fields.get("request_id")


def _record(rows: Sequence[Mapping[str, Any]]) -> InferenceRecord:
    return read.own_record(rows[0], _tensors(rows, "input."), _tensors(rows, "output."), _label(rows))


def _label(rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...] | None:
    values = [row.get("label_number") if row.get("label_number") is not None else row.get("label_text") for row in rows]
    return None if all(value is None for value in values) else read.labels(values)


def _tensors(rows: Sequence[Mapping[str, Any]], prefix: str) -> tuple[Tensor, ...]:
    """Return the tensors of columns that have a value. `x[0]`, `x[1]` and so on become one tensor."""
    tensors: list[Tensor] = []
    for name, columns in _layout(tuple(rows[0]), prefix).items():
        if columns == (f"{prefix}{name}",):
            tensors.extend(tensor_of_rows(name, [row.get(columns[0]) for row in rows]))
        else:
            tensors.extend(tensor_of_rows(name, [[row.get(column) for column in columns] for row in rows]))
    return read.unique(tensor for tensor in tensors if any(value is not None for value in tensor.data))


@lru_cache(maxsize=64)
def _layout(columns: tuple[str, ...], prefix: str) -> Mapping[str, tuple[str, ...]]:
    """Return the columns of each tensor. An index without all those before it is part of a name."""
    names = [name.removeprefix(prefix) for name in columns if name.startswith(prefix)]
    elements = {name: element for name in names if (element := _ELEMENT.fullmatch(name))}
    indices: dict[str, set[int]] = {}
    for element in elements.values():
        indices.setdefault(element[1], set()).add(int(element[2]))
    layout: dict[str, tuple[str, ...]] = {}
    for name in names:
        tensor = elements[name][1] if name in elements else name
        width = len(indices.get(tensor, ()))
        if name not in elements or tensor in names or max(indices[tensor]) != width - 1:
            layout[name] = (f"{prefix}{name}",)
        else:
            layout[tensor] = tuple(f"{prefix}{tensor}[{at}]" for at in range(width))
    return layout
