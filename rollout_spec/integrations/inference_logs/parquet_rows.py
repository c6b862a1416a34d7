"""Rows of a Parquet file as mappings, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.storage import StoredFile, open_file

_ROWS_AT_ONCE = 256
"""Rows of one batch: a row may hold megabytes."""


def read_rows(file: StoredFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows with their numbers from 1. UserError if the file is not Parquet."""
    parquet = import_parquet(file.address)
    from pyarrow import ArrowException

    number = 0
    with open_file(file) as stream:
        try:
            for batch in parquet.ParquetFile(stream).iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (ArrowException, OSError) as error:
            raise UserError(f"{excerpt(file.address)} is not readable Parquet: {excerpt(str(error))}") from None


def import_parquet(address: str) -> Any:
    """Return the module `pyarrow.parquet`. UserError if it is not installed."""
    try:
        from pyarrow import parquet
    except ModuleNotFoundError:
        message = f"{excerpt(address)} is Parquet, which needs the Python module `pyarrow`"
        raise UserError(message, hint="pip install 'rollout-spec[replay]'") from None
    return parquet
