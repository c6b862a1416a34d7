"""The service synchronizes a registry once for each commit of the base, and tries a failed one again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from registries import Registered

from rollout_spec.service import registry_syncs
from rollout_spec.service.registry_syncs import RegistrySyncs, syncs
from rollout_spec.spec.registry import Registry
from rollout_spec.workflows.registry import RegistryAccess

FIRST = ["champion of fraud is 41", "challenger of fraud is 42"]


class Scene:
    """A workspace whose base moves, a registry, and a clock."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.fraud, self.now, self.mode = Registered(folder), 0.0, "pull-request"
        self.commit, self.lives, self.asked = "a", 0, 0
        patch.setattr(time, "monotonic", lambda: self.now)
        patch.setattr(registry_syncs, "base_of", self._base)
        patch.setattr(registry_syncs, "open_registry", self._open)
        self.syncs = RegistrySyncs(self._live)

    def run(self, **settings: Any) -> list[str]:
        """Let the service look, and return the changes."""
        self.fraud.registry.written.clear()
        workspace = mock.Mock(commit=self.commit, error=settings.pop("error", None))
        workspace.name = "acme"
        workspace.settings.spec.registry = Registry.model_validate({"url": "http://mlflow:5000", **settings})
        self.syncs.run_due([workspace], frozenset({"reserved"}))
        return list(self.fraud.registry.written)

    def _live(self) -> None:
        self.lives += 1

    def _base(self, workspace: Any) -> tuple[Any, Any]:
        self.asked += 1
        base = mock.Mock(repository=self.fraud.repository)
        base.automation.mode = self.mode
        newest = mock.Mock()
        newest.spec.registry = workspace.settings.spec.registry
        return base, newest

    @contextmanager
    def _open(self, settings: Any, options: Any) -> Iterator[RegistryAccess]:
        assert options.reserved == {"reserved"} and options.environment is None
        yield self.fraud.access


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def test_a_commit_is_synchronized_once(scene: Scene) -> None:
    assert scene.run() == FIRST
    assert (scene.run(), scene.asked, scene.lives) == ([], 1, 1)
    scene.fraud.registry.alias["fraud"]["champion"] = "40"
    assert scene.run() == []
    scene.commit = "b"
    assert (scene.run(), scene.asked) == (["champion of fraud is 41"], 2)


def test_a_failure_is_logged_and_tried_again_later_and_later(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.fraud.registry.is_down = True
    tries = []
    with caplog.at_level(logging.INFO):
        for second in range(0, 500, 10):
            scene.now = float(second)
            before = scene.asked
            assert scene.run() == []
            tries += [second] * (scene.asked - before)
    assert tries == [0, 60, 180, 420]
    assert [record.getMessage() for record in caplog.records] == [
        "acme: the registry is not synchronized, and tried again: the registry does not answer"
    ] * 4
    scene.fraud.registry.is_down, scene.now = False, 10_000.0
    assert scene.run() == FIRST
    scene.now = 20_000.0
    assert (scene.run(), scene.asked) == ([], 5)


def test_an_error_of_git_is_tried_again_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_syncs, "base_of", mock.Mock(side_effect=OSError("gone")))
    assert scene.run() == []
    monkeypatch.setattr(registry_syncs, "base_of", scene._base)
    scene.now = 61.0
    assert scene.run() == FIRST


def test_a_dry_run_changes_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.mode = "dry-run"
    with caplog.at_level(logging.INFO):
        assert scene.run() == []
    assert "acme: fraud: the registry would change: champion of fraud: none -> 41" in caplog.messages


def test_a_base_whose_settings_do_not_load_changes_nothing(scene: Scene) -> None:
    assert scene.run(error="it does not load") == []


def test_only_a_workspace_with_a_server_is_synchronized() -> None:
    workspace = mock.Mock()
    for settings, wanted in ((None, False), (Registry(), False), (Registry(url="http://mlflow:5000"), True)):
        workspace.settings.spec.registry = settings
        assert syncs(workspace) is wanted
