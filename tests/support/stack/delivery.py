"""The path of a change to the users: a forge over HTTP, a sync loop, and an Envoy that follows its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from envoys import Edge, envoy_running
from hosted_repositories import TOKEN, point_to
from real_servers import program
from repo import Repo
from served import mirror

from stack import sync
from stack.forge import TimedGitHub, forge_running
from stack.models import RunningModel
from stack.sync import Sync


@contextmanager
def hosted_on_forge(repo: Repo, latency: float = 0.0) -> Iterator[TimedGitHub]:
    """Move a repository to a forge, with a mirror of it. People go on with credentials of their own."""
    with forge_running(repo.remote, latency) as (host, hosted):
        point_to(repo, hosted)
        mirror(repo)
        repo.git("remote", "set-url", "origin", str(repo.remote))
        yield host


@contextmanager
def edge_following(place: Path, host: TimedGitHub, models: Mapping[str, RunningModel]) -> Iterator[tuple[Sync, Edge]]:
    """Start an Envoy in front of models, with the routes of the base. The sync loop does not run yet."""
    routes, rules = place / "routes", place / "rules"
    routes.mkdir()
    rules.mkdir()
    synced = Sync(sync.clone(place, host.clone_url, TOKEN), routes, rules)
    synced.once()
    source = {"path": str(routes / "fraud.yaml"), "watched_directory": {"path": str(routes)}}
    rds = {"rds": {"route_config_name": "fraud", "config_source": {"path_config_source": source}}}
    ports = {f"fraud-v{version}": model.port for version, model in models.items()}
    with envoy_running(program("envoy"), place, rds, ports) as edge:
        yield synced, edge
