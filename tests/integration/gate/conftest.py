"""The example with a real Prometheus that recorded the traffic of its stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import recorded_traffic
from gated_repository import Gated
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
        repo.edit(".rollout-spec.yaml", "http://prometheus:9090", address)
        path = "rollouts/fraud.yaml"
        text = (repo.workspace / path).read_text("utf-8")
        begin, end = text.index("    - name: drift"), text.index("    - name: expert-spot-check")
        repo.write(path, text[:begin] + text[end:])
        repo.edit(path, "namespace: ml\n", f"namespace: {name}\n")
        repo.edit(path, "    merge: auto ", f"    promote: {promote}\n    merge: auto ")
        repo.edit(path, ", approval: manual}", "}")
        workspace = (repo.workspace / ".rollout-spec.yaml").read_text("utf-8")
        repo.write(".rollout-spec.yaml", workspace.replace("mode: pull-request ", f"mode: {mode} "))
        repo.render()
        repo.commit("Judge it")
        return repo

    return make
