"""A PostgreSQL for each worker of pytest, and a forge with the example whose automation may enable auto-merge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import served
from hosted_repositories import Hosted, hosted, let_in, point_to
from postgres import Postgres, postgresql
from repo import Repo


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgresql() as running:
        yield running


@pytest.fixture
def forge(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """A GitHub whose checks are pending. It serves git too, so that tests see each request of a rollback."""
    let_in(monkeypatch)
    with hosted("github", repo.remote) as forge:
        point_to(repo, forge)
        repo.git("remote", "set-url", "origin", str(repo.remote))
        served.settings(repo)
        repo.git("remote", "set-url", "origin", forge.host.clone_url)
        yield forge


@pytest.fixture(scope="module")
def shared(made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """One repository for the tests of a file that share a running service."""
    return made.copy(tmp_path_factory.mktemp("shared"))
