"""The registry follows the base: its aliases and tags are set again after each merge."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service.workspaces import ServedWorkspace, base_of
from rollout_spec.workflows.registry import AccessOptions, open_registry
from rollout_spec.workflows.registry_sync import Sync, synchronize

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 60.0
_LONGEST_SECONDS = 1800.0


def syncs(workspace: ServedWorkspace) -> bool:
    """Return whether the workspace names a registry with aliases."""
    settings = workspace.settings.spec.registry
    return settings is not None and settings.url is not None


@dataclass
class _Attempt:
    """The last attempt for a commit. ``wait`` is the time until the next one, None if it succeeded."""

    commit: str
    at: float
    wait: float | None


@dataclass
class RegistrySyncs:
    """The synchronizations of all workspaces. A failure is logged, and tried again later and later.

    ``show_life`` is called before each rollout.
    """

    show_life: Callable[[], None] = lambda: None
    _attempts: dict[str, _Attempt] = field(default_factory=dict)

    def run_due(self, workspaces: Iterable[ServedWorkspace], reserved: Collection[str]) -> None:
        """Synchronize the workspaces whose base has moved since, or whose last attempt failed."""
        for workspace in workspaces:
            if syncs(workspace) and workspace.error is None and self._is_due(workspace):
                self._run(workspace, reserved)

    def _is_due(self, workspace: ServedWorkspace) -> bool:
        last = self._attempts.get(workspace.name)
        if last is None or last.commit != workspace.commit:
            return True
        return last.wait is not None and time.monotonic() >= last.at + last.wait

    def _run(self, workspace: ServedWorkspace, reserved: Collection[str]) -> None:
        name, last = workspace.name, self._attempts.get(workspace.name)
        try:
            done = self._synchronized(workspace, reserved)
            failure = done.failure.message if done.failure is not None else None
        except Exception as error:
            failure = as_user_error(error).message
        wait = None
        if failure is not None:
            before = last.wait if last is not None and last.commit == workspace.commit else None
            wait = min(before * 2, _LONGEST_SECONDS) if before is not None else _AGAIN_SECONDS
            _log.warning("%s: the registry is not synchronized, and tried again: %s", name, failure)
        self._attempts[name] = _Attempt(workspace.commit, time.monotonic(), wait)

    def _synchronized(self, workspace: ServedWorkspace, reserved: Collection[str]) -> Sync:
        """Synchronize a workspace with its present base, and log the changes."""
        base, newest = base_of(workspace)
        settings = newest.spec.registry
        if settings is None or settings.url is None:
            return Sync()
        with open_registry(settings, AccessOptions(reserved=reserved)) as access:
            is_dry_run = base.automation.mode == "dry-run"
            done = synchronize(
                base.repository,
                access.required(),
                settings.aliases,
                is_dry_run=is_dry_run,
                on_rollout=self.show_life,
            )
        verb = "would change" if is_dry_run else "changed"
        for change in done.changes:
            _log.info("%s: %s: the registry %s: %s", workspace.name, change.rollout, verb, change.text)
        for left_out in done.left_out:
            _log.warning(
                "%s: %s: the registry is not synchronized: %s", workspace.name, left_out.rollout, left_out.reason
            )
        return done
