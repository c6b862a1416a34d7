"""The state of the service's parts: git, forges, the worker, and each workspace's settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from rollout_spec.core import budget
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service.workspaces import Served, ServedWorkspace, base_of, serve_again, serve_locally
from rollout_spec.workflows.base_branch import forge_of

_FORGE_SECONDS = 60.0
_WORKER_SECONDS = 30.0
_ABSENT = "rollout-spec/readiness"
"""A branch that does not exist: the forge is asked for its pull request."""


@dataclass
class State:
    """The state that requests read, and a thread keeps up to date. Errors are None if all is well."""

    served: Served = field(default_factory=Served)
    git: str | None = "not fetched yet"
    forges: dict[str, str | None] = field(default_factory=dict)
    worker_seen: float = 0.0
    refreshed: Event = field(default_factory=Event)

    @property
    def worker(self) -> str | None:
        """The error of the worker, None if it gave a sign of life lately."""
        silent = time.monotonic() - self.worker_seen
        return None if self.worker_seen and silent < _WORKER_SECONDS else "the worker gives no sign of life"


def refresh(root: Path, state: State, *, with_forges: bool = True) -> None:
    """Fetch the base, take changed settings up, and ask each forge once a minute."""
    served = serve_again(root, state.served)
    state.served = served
    errors = [*served.errors, *(each.error for each in served.workspaces.values() if each.is_unreachable)]
    state.git = errors[0] if errors else None
    if with_forges:
        state.forges = {each.name: _forge_error(each) for each in served.workspaces.values()}


def _forge_error(workspace: ServedWorkspace) -> str | None:
    """Return why the forge of a workspace does not answer, None if it does."""
    if workspace.settings.spec.forge is None:
        return "the workspace names no forge"
    try:
        with budget.command():
            base, settings = base_of(workspace)
            forge_of(base, settings.spec.forge).find(_ABSENT, base.branch)
    except Exception as error:
        return as_user_error(error).message
    return None


def keep_fresh(root: Path, state: State, seconds: float, ended: Event, after: Callable[[], None]) -> None:
    """Refresh the state again and again until ``ended`` is set. ``after`` is called each time."""
    asked = -_FORGE_SECONDS
    while True:
        is_time = time.monotonic() - asked >= _FORGE_SECONDS
        try:
            refresh(root, state, with_forges=is_time)
        finally:
            state.refreshed.set()
        asked = time.monotonic() if is_time else asked
        after()
        if ended.wait(seconds):
            return


def wait_for_settings(root: Path, state: State, seconds: float) -> None:
    """Wait for the first refresh. If it takes longer, use the settings that were fetched before."""
    if not state.refreshed.wait(seconds):
        served = serve_locally(root)
        if not state.refreshed.is_set():
            state.served = served
