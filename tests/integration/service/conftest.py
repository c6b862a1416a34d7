"""One repository for the tests of a file that share a running service."""

from __future__ import annotations

import pytest
from repo import Repo


@pytest.fixture(scope="module")
def shared(made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return made.copy(tmp_path_factory.mktemp("shared"))
