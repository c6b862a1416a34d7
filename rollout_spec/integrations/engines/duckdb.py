"""DuckDB on this machine, within a limit of memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import UserError


class DuckDB:
    """A connection to an empty database in memory."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._numbers = itertools.count()

    def read(self, paths: Sequence[str]) -> Any:
        """Return a table of all rows. A folder's name such as ``version=41`` adds no column."""
        return self._backend.read_parquet(list(paths), union_by_name=True, hive_partitioning=False)

    def keep(self, table: Any) -> Any:
        """Return the rows of a query as a temporary table."""
        return self._backend.create_table(f"kept_{next(self._numbers)}", table, temp=True)


@contextmanager
def connect_duckdb(folder: Path, memory: str) -> Iterator[DuckDB]:
    """Open DuckDB. It installs no extensions, and keeps at most ``memory``."""
    try:
        import ibis
        import ibis.backends.duckdb
    except ImportError:
        raise UserError(
            "this needs the Python modules `ibis` and `duckdb`", hint="pip install 'rollout-spec[replay]'"
        ) from None
    backend = ibis.duckdb.connect(
        memory_limit=memory,
        temp_directory=str(folder),
        autoinstall_known_extensions=False,
        preserve_insertion_order=False,
    )
    try:
        yield DuckDB(backend)
    finally:
        backend.disconnect()
