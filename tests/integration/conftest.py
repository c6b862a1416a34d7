"""The example repository, made once for each worker, and a copy for each test. A file may make another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from repo import Repo


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo.create(tmp_path_factory.mktemp("made"))


@pytest.fixture
def repo(made: Repo, tmp_path: Path) -> Repo:
    """The repository of the file. The example has 42 in canary-5, 41 stable and 40 known good."""
    return made.copy(tmp_path)
