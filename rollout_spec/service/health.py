"""The state of the service's parts: git, forges, the worker, and each workspace's settings."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from rollout_spec.core import budget
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.integrations.git.repository import Git
from rollout_spec.service.secrets import learn_secrets
from rollout_spec.service.workspaces import Served, ServedWorkspace, serve_again, serve_locally
from rollout_spec.workflows.base_branch import find_base, forge_of

_log = logging.getLogger(__name__)

_FORGE_SECONDS = 60.0
_WORKER_SECONDS = 30.0
_MOST_THREADS = 200
"""The threads at which no forge is asked: each answer that comes byte by byte leaves one behind."""
_ABSENT = "rollout-spec/readiness"
"""A branch that does not exist: the forge is asked for its pull request."""


@dataclass
class State:
    """The state that requests read, and a thread keeps up to date. Errors are None if all is well.

    ``warnings`` are about settings that are not in force, by subject.
    """

    served: Served = field(default_factory=Served)
    git: str | None = "not fetched yet"
    forges: dict[str, str | None] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    worker_seen: float = 0.0
    refreshed: Event = field(default_factory=Event)

    @property
    def worker(self) -> str | None:
        """The error of the worker, None if it gave a sign of life lately."""
        silent = time.monotonic() - self.worker_seen
        return None if self.worker_seen and silent < _WORKER_SECONDS else "the worker gives no sign of life"


def refresh(root: Path, state: State, *, with_forges: bool = True) -> None:
    """Fetch the base, take changed settings up, and ask each forge once a minute."""
    before, served = state.served, serve_again(root, state.served)
    state.served = served
    errors = [*served.errors, *(each.error for each in served.workspaces.values() if each.is_unreachable)]
    state.git = errors[0] if errors else None
    warnings = _warnings(served)
    for subject, warning in warnings.items():
        if state.warnings.get(subject) != warning:
            _log.warning("%s: %s", subject, warning)
    for subject in state.warnings.keys() - warnings.keys():
        _log.info("%s: in order again", subject)
    for name in before.workspaces.keys() - served.workspaces.keys():
        _log.warning("the workspace %s is not on the base any more: its monitors are unknown now", name)
    state.warnings = warnings
    if with_forges:
        state.forges = {each.name: _forge_error(each) for each in served.workspaces.values()}


def _warnings(served: Served) -> dict[str, str]:
    """Return what keeps a part of the settings from being in force, by subject."""
    warnings = {"a workspace is not served": "; ".join(served.invalid)} if served.invalid else {}
    for workspace in served.workspaces.values():
        if workspace.error is not None:
            kept = f"the settings of commit {workspace.commit[:12]} stay in force"
            warnings[f"settings of {workspace.name}"] = f"{workspace.error}; {kept}"
        warnings |= learn_secrets(workspace)
    return warnings


def _forge_error(workspace: ServedWorkspace) -> str | None:
    """Return why the forge of a workspace does not answer, None if it does. The settings in force count."""
    forge, location = workspace.settings.spec.forge, workspace.location
    if forge is None:
        return "the workspace names no forge"
    if threading.active_count() > _MOST_THREADS:
        return "earlier requests of the forge never ended"
    assert location.git_root is not None
    try:
        with budget.command():
            base = find_base(Git(location.git_root), forge, location.prefix)
            forge_of(base, forge).find(_ABSENT, base.branch)
    except Exception as error:
        return as_user_error(error).message
    return None


def keep_fresh(root: Path, state: State, seconds: float, ended: Event) -> None:
    """Refresh the state again and again until ``ended`` is set."""
    asked = -_FORGE_SECONDS
    while True:
        is_time = time.monotonic() - asked >= _FORGE_SECONDS
        try:
            refresh(root, state, with_forges=is_time)
        except Exception as error:
            _log.exception("unexpected error of a refresh")
            state.git = as_user_error(error).message
        finally:
            state.refreshed.set()
        asked = time.monotonic() if is_time else asked
        if ended.wait(seconds):
            return


def wait_for_settings(root: Path, state: State, seconds: float) -> None:
    """Wait for the first refresh. If it takes longer, use the settings that were fetched before."""
    if not state.refreshed.wait(seconds):
        served = serve_locally(root)
        if not state.refreshed.is_set():
            state.served = served
