"""Invariant of the analysis table: it holds the values of its log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.inference import InferenceRecord, Tensor
from rollout_spec.integrations.inference_logs import read_log
from rollout_spec.integrations.inference_logs.table import write_table

TIME = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
VALUES = {
    "FP64": st.floats() | st.none(),
    "BYTES": TEXTS | st.none(),
    "BOOL": st.booleans() | st.none(),
}


@st.composite
def logs(draw: st.DrawFn) -> list[InferenceRecord]:
    """Return records whose tensors have the same names and datatypes, as those of one model do."""
    chosen = TEXTS.filter(lambda name: name and not set(name) & set("[\0"))
    names = draw(st.lists(chosen, min_size=1, max_size=3, unique_by=str.casefold))
    datatypes = [draw(st.sampled_from(sorted(VALUES))) for _ in names]
    widths = [draw(st.sampled_from([1, 1, 2, 3])) for _ in names]
    records = []
    for at in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(1, 3))
        tensors = tuple(
            Tensor(
                name,
                datatype,
                (rows,) if width == 1 else (rows, width),
                draw(st.lists(VALUES[datatype], min_size=rows * width, max_size=rows * width)),
            )
            for name, datatype, width in zip(names, datatypes, widths, strict=True)
        )
        label = draw(st.none() | st.lists(st.integers(-5, 5), min_size=rows, max_size=rows).map(tuple))
        records.append(
            InferenceRecord(str(at), TIME, draw(st.sampled_from([None, "m"])), "1", tensors, tensors[:1], label=label)
        )
    return records


def comparable(found: InferenceRecord) -> Any:
    """Return a record with its present values by column, in which NaN equals NaN."""
    sides = []
    for tensors in (found.inputs, found.outputs):
        values: dict[tuple[str, int], str] = {}
        for item in tensors:
            width = len(item.data) // item.shape[0]
            for at, value in enumerate(item.data):
                if value is not None:
                    values[item.name if width == 1 else f"{item.name}[{at % width}]", at // width] = repr(value)
        sides.append(values)
    return found.request_id, found.time, found.model, found.version, found.label, *sides


@settings(max_examples=examples(100), deadline=None)
@given(logs())
def test_a_table_holds_the_values_of_its_log(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    write_table(records, path)
    found = [entry for entry in read_log(str(path)) if isinstance(entry, InferenceRecord)]
    assert [comparable(entry) for entry in found] == [comparable(entry) for entry in records]
