"""One server with real models for all tests of a replay, and the logs of both versions."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from replaying import Replaying, server_running
from repo import Repo


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replaying]:
    """The server. Its faults are those of the last test that set some."""
    with server_running(tmp_path_factory.mktemp("replay")) as served:
        yield served


@pytest.fixture
def replaying(served: Replaying, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Replaying:
    """The server without faults, and a copy of the example repository."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(repo.folder.parent / "state"))
    served.control()
    return served.within(repo)
