"""PostgreSQL for the tests of the service: one server for each worker, and an empty database for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres import Postgres, postgresql


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgresql() as running:
        yield running
