"""The example with auto-merge, and with 42 promoted."""

from __future__ import annotations

import forge_users
import pytest
from repo import Repo


@pytest.fixture(scope="session")
def automated(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example whose hard triggers merge themselves, without a cool-down."""
    repo = Repo.create(tmp_path_factory.mktemp("automated"))
    forge_users.automate(repo, "cooldown: 0s")
    return repo


@pytest.fixture
def promoted(repo: Repo) -> Repo:
    forge_users.promote(repo)
    return repo
