"""A PostgreSQL, a Prometheus with present traffic, and a forge with the example that may enable auto-merge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import present_traffic
import pytest
import served
from hosted_repositories import Hosted, hosted, let_in, point_to
from postgres import Postgres, postgresql
from present_traffic import Entered, Front, front_of
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


@pytest.fixture(scope="session")
def start() -> datetime:
    """The time of the first sample."""
    return present_traffic.begin()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, start: datetime) -> Iterator[str]:
    with present_traffic.recorded(tmp_path_factory.mktemp("prometheus"), start) as address:
        yield address


@pytest.fixture
def front(prometheus: str) -> Iterator[Front]:
    with front_of(prometheus) as running:
        yield running


@pytest.fixture
def entered(repo: Repo, start: datetime) -> Entered:
    """Return a function that lets the candidate behave as in a scenario, judged by a Prometheus."""

    def make(name: str, address: str) -> Repo:
        repo.git("remote", "set-url", "origin", str(repo.remote))  # people have other credentials than the service
        present_traffic.enter(repo, name, start, address)
        return repo

    return make
