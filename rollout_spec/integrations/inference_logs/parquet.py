"""The analysis table, or a table with the same columns: one row for each row of a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    names = [name.removeprefix(prefix) for name in rows[0] if name.startswith(prefix)]
    widths = _widths(names)
    tensors: list[Tensor] = []
    for name in names:
        element = _ELEMENT.fullmatch(name)
        if element and widths.get(element[1]):
            if element[2] == "0":
                columns = [f"{prefix}{element[1]}[{at}]" for at in range(widths[element[1]])]
                tensors.extend(tensor_of_rows(element[1], [[row.get(column) for column in columns] for row in rows]))
        else:
            tensors.extend(tensor_of_rows(name, [row.get(f"{prefix}{name}") for row in rows]))
    return read.unique(tensor for tensor in tensors if any(value is not None for value in tensor.data))


def _widths(names: Sequence[str]) -> dict[str, int]:
    """Return the number of columns of each tensor that has all of them, from 0 on."""
    numbers: dict[str, set[int]] = {}
    for name in names:
        element = _ELEMENT.fullmatch(name)
        if element:
            numbers.setdefault(element[1], set()).add(int(element[2]))
    return {name: len(found) for name, found in numbers.items() if max(found) == len(found) - 1}
