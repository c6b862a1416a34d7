"""The option ``--emit``: a rollback's manifests in a new folder, to apply by hand, without a network."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from rollout_spec.cli import terminal
from rollout_spec.cli.rollback_output import of_workspace, print_no_target, print_refusal
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.rollback import NoAction, NoRollbackTarget
from rollout_spec.rollback.offline_bundle import README, OfflineRollback, readme
from rollout_spec.workflows import locate as location
from rollout_spec.workflows.breach_version import with_versions
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import bare_root
from rollout_spec.workflows.offline import OfflineResponse, newest_local_base, prepare_offline
from rollout_spec.workspace.files import write


def emit(breaches: list[Breach], here: WorkspaceLocation, folder: Path, now: datetime) -> int:
    """Write the manifests and instructions into a new folder; return the worst status."""
    target = Path(os.path.normpath(here.start / folder))
    if here.git_root is not None and bare_root(target) is not None:
        raise UserError(f"{folder} would be in the bare repository {here.git_root}", hint="choose another directory")
    if here.workspace in target.parents:
        location.refuse_link(here.workspace, target.relative_to(here.workspace).as_posix())
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{folder} already exists and is not empty", hint="choose a new directory")
    repository, source = newest_local_base(here)
    location.check_version(repository)
    mine, least = of_workspace(breaches, repository)
    mine, errors = with_versions(mine, repository)
    first = {
        (each.rollout, each.version): each for each in sorted(mine, key=lambda each: each.observed_at, reverse=True)
    }
    ours = list(first.values())
    rollouts = [breach.rollout for breach in ours]
    twice = next((name for name in rollouts if rollouts.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"two versions of {twice} failed, but one folder holds one rollback of it", hint="name ROLLOUT")
    prepared = [prepare_offline(breach, repository, here.prefix) for breach in ours]
    for offline in prepared:
        _print_failure(offline)
    bundles = [offline.bundle for offline in prepared if offline.bundle is not None]
    if bundles:
        _write(bundles, target, readme(bundles, source, now))
        for each in bundles:
            print(f"{each.rollback.rollout} {each.rollback.failed} -> {each.rollback.restored}: {folder}")
        terminal.say(f"made from {source}; nothing was pushed or applied: see {folder}/{README} for the next steps")
    if errors:
        raise UserError("\n".join(error.message for error in errors), hint=errors[-1].hint)
    return max(least, *(offline.status for offline in prepared), 0)


def _print_failure(offline: OfflineResponse) -> None:
    if isinstance(offline.decision, NoAction):
        terminal.say(offline.decision.reason)
    elif isinstance(offline.decision, NoRollbackTarget):
        print_no_target(offline.decision)
    elif offline.refused:
        print_refusal(offline.decision, offline.refused)


def _write(bundles: list[OfflineRollback], target: Path, text: str) -> None:
    for each in bundles:
        for path, content in each.files.items():
            write(target, path, content)
    write(target, README, text.encode())
