"""Spark: the session that the environment configures, or a local one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rollout_spec.core.errors import UserError

_WILDCARD = re.compile(r"[*?\[\]{}]")


class Spark:
    """A session of Spark."""

    def __init__(self, backend: Any, session: Any) -> None:
        self._backend, self._session = backend, session
        self._numbers = itertools.count()

    def read(self, paths: Sequence[str]) -> Any:
        """Return a table of all rows. A folder's name such as ``version=41`` adds no column."""
        reader = self._session.read.option("mergeSchema", "true")
        escaped = [_WILDCARD.sub(r"\\\g<0>", path) for path in paths]
        return self._named(reader.parquet(*escaped))

    def view(self, table: Any) -> Any:
        """Return a query as a temporary view."""
        return self._named(self._session.sql(self._backend.compile(table)))

    def keep(self, table: Any) -> Any:
        """Return the rows of a query, kept by Spark."""
        return table.cache()

    def _named(self, frame: Any) -> Any:
        name = f"rollout_spec_{id(self)}_{next(self._numbers)}"
        frame.createOrReplaceTempView(name)
        return self._backend.table(name)


@contextmanager
def connect_spark() -> Iterator[Spark]:
    """Use the current session of Spark, or start one as its own configuration says."""
    try:
        import ibis
        import ibis.backends.pyspark
        from pyspark.sql import SparkSession
    except ImportError:
        raise UserError(
            "--engine spark needs the Python modules `ibis` and `pyspark`", hint="pip install 'rollout-spec[spark]'"
        ) from None
    is_ours = SparkSession.getActiveSession() is None
    session = SparkSession.builder.getOrCreate()
    try:
        yield Spark(ibis.pyspark.connect(session), session)
    finally:
        if is_ours:
            session.stop()
