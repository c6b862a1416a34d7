"""DuckDB on this machine, within a limit of memory."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.storage import local_path, object_store

_WILDCARD = re.compile(r"[*?[]")


class DuckDB:
    """A connection to an empty database in memory."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._numbers = itertools.count()

    def read(self, paths: Sequence[str]) -> Any:
        """Return a table of all rows. A folder's name such as ``version=41`` adds no column.

        fsspec reads object stores: DuckDB's own extensions for them would be downloaded. Without ``can_have_nan``
        DuckDB takes NaN for a number if a file was written by Arrow: https://github.com/duckdb/duckdb/issues/25521
        """
        for path in paths:
            if local_path(path) is None and not self._backend.con.filesystem_is_registered(_protocol(path)):
                self._backend.con.register_filesystem(object_store(path))
        name = f"read_{next(self._numbers)}"
        files = ", ".join(map(_literal, paths))
        options = "union_by_name = true, hive_partitioning = false, can_have_nan = true"
        self._backend.raw_sql(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{files}], {options})")  # noqa: S608
        return self._backend.table(name)

    def view(self, table: Any) -> Any:
        """Return a query as a view."""
        return self._backend.create_view(f"view_{next(self._numbers)}", table)

    def keep(self, table: Any) -> Any:
        """Return the rows of a query as a temporary table."""
        return self._backend.create_table(f"kept_{next(self._numbers)}", table, temp=True)


def _literal(path: str) -> str:
    """Return a path as a text of SQL, without patterns."""
    local = local_path(path)
    escaped = _WILDCARD.sub(r"[\g<0>]", str(local) if local is not None else path)
    return "'" + escaped.replace("'", "''") + "'"


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
