"""Queries on analysis tables and pairs of answers, written once in Ibis for DuckDB and Spark.

Start with ``connect``, then open ``drift`` and ``divergence``: each holds the queries of one report. ``expressions``
keeps both engines to the same answers. Imports ``core`` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import excerpt, one_line

EngineName = Literal["duckdb", "spark"]
ENGINES: tuple[EngineName, ...] = ("duckdb", "spark")
MEMORY = "1GB"
"""The memory that DuckDB may use before it writes to the temporary folder."""


class Engine(Protocol):
    """An engine that reads Parquet files as tables of Ibis."""

    def read(self, paths: Sequence[str]) -> Any:
        """Return a table of all rows of some Parquet files."""

    def view(self, table: Any) -> Any:
        """Return a query as a table with a name: Ibis translates a long query only once."""

    def keep(self, table: Any) -> Any:
        """Run a query once, and return its rows as a table that lasts as long as the connection."""


def connect(engine: EngineName, folder: Path, memory: str = MEMORY) -> AbstractContextManager[Engine]:
    """Return a connection to an engine. DuckDB writes intermediate data below ``folder``."""
    if engine == "spark":
        from rollout_spec.integrations.engines.spark import connect_spark

        return connect_spark()
    from rollout_spec.integrations.engines.duckdb import connect_duckdb

    return connect_duckdb(folder, memory)


@contextmanager
def queries(engine: EngineName) -> Iterator[None]:
    """Turn the errors of an engine into UserErrors: its libraries raise many kinds."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{engine} cannot answer: {excerpt(one_line(lines[0]), 300)}", status=OUTSIDE) from error
