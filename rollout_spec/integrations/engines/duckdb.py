"""DuckDB on this machine, within a limit of memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.storage import local_path, object_store


class DuckDB:
    """A connection to an empty database in memory."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._numbers = itertools.count()

    def read(self, paths: Sequence[str]) -> Any:
        """Return a table of all rows. A folder's name such as ``version=41`` adds no column.

        fsspec reads object stores: DuckDB's own extensions for them would be downloaded.
        """
        files = []
        for path in paths:
            local = local_path(path)
            if local is None and not self._backend.con.filesystem_is_registered(_protocol(path)):
                self._backend.con.register_filesystem(object_store(path))
            files.append(str(local) if local is not None else path)
        name = f"read_{next(self._numbers)}"
        relation = self._backend.con.read_parquet(files, union_by_name=True, hive_partitioning=False)
        relation.create_view(name)
        return self._backend.table(name)

    def keep(self, table: Any) -> Any:
        """Return the rows of a query as a temporary table."""
        return self._backend.create_table(f"kept_{next(self._numbers)}", table, temp=True)


def _protocol(path: str) -> str:
    return path.partition("://")[0]


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
