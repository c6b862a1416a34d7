"""Rows of a Parquet file as mappings, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import escape, excerpt
from rollout_spec.integrations.arrow import import_parquet
from rollout_spec.integrations.inference_logs.reading import opened
from rollout_spec.integrations.storage import StoredFile

_ROWS_AT_ONCE = 256
"""Rows of one batch: a row may hold megabytes."""


def read_rows(file: StoredFile) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield the rows with their numbers from 1; for an unreadable one the reason.

    UserError if the file is not Parquet.
    """
    parquet = import_parquet(f"{escape(file.address)} is Parquet, which")
    from pyarrow import ArrowException

    number = 0
    with opened(file) as stream:
        try:
            for batch in parquet.ParquetFile(stream).iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in _rows(_in_microseconds(batch)):
                    number += 1
                    yield number, row
        except ArrowException as error:
            raise UserError(f"{escape(file.address)} is not readable Parquet: {excerpt(str(error))}") from None


def _rows(batch: Any) -> list[dict[str, Any] | str]:
    """Return the rows of a batch. Python cannot hold some values, such as times after the year 9999."""
    try:
        rows: list[dict[str, Any] | str] = batch.to_pylist()
        return rows
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            return [f"a value that cannot be read: {excerpt(str(error))}"]
    return [row for at in range(batch.num_rows) for row in _rows(batch.slice(at, 1))]


def _in_microseconds(batch: Any) -> Any:
    """Return a batch whose times Python can hold without pandas."""
    from pyarrow import field, schema, timestamp, types

    wanted = [
        field(item.name, timestamp("us", item.type.tz))
        if types.is_timestamp(item.type) and item.type.unit == "ns"
        else item
        for item in batch.schema
    ]
    return batch.cast(schema(wanted), safe=False)
