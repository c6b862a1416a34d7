"""The example with a real Prometheus that recorded the traffic of its stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import recorded_traffic
from gated_repository import Gated, behave
from repo import Repo


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with recorded_traffic.recorded(tmp_path_factory.mktemp("prometheus")) as address:
        yield address


@pytest.fixture
def scenario(made: Repo, tmp_path: Path, prometheus: str) -> Callable[..., Gated]:
    """Return a function that makes the example behave as a scenario: 42 entered canary-5 at 09:01."""

    def make(name: str, *, address: str = prometheus, mode: str = "auto-merge", promote: str = "auto") -> Gated:
        copy = made.copy(tmp_path)
        repo = Gated(copy.folder, copy.remote, copy.prefix, copy.clock)
        behave(repo, name, address, mode=mode, promote=promote)
        repo.commit("Judge it")
        return repo

    return make
