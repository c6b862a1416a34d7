"""The option ``--emit``: a rollback's manifests in a new folder, to apply by hand, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rollout_spec.cli import terminal
from rollout_spec.cli.rollback_output import print_foreign, print_no_target, print_refusal
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.rollback import NoAction, NoRollbackTarget
from rollout_spec.rollback.offline_bundle import README
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.offline import OfflineResponse, begin_offline


def emit(breaches: Sequence[Breach], here: WorkspaceLocation, folder: Path, now: datetime) -> int:
    """Write the manifests and instructions into a new folder; return the worst status."""
    offline = begin_offline(breaches, here, folder)
    print_foreign(offline.foreign)
    responses = offline.respond()
    for response in responses:
        _print_failure(response)
    bundles = offline.write(responses, now)
    for each in bundles:
        print(f"{each.rollback.rollout} {each.rollback.failed} -> {each.rollback.restored}: {folder}")
    if bundles:
        source = offline.source
        terminal.say(f"made from {source}; nothing was pushed or applied: see {folder}/{README} for the next steps")
    if offline.errors:
        raise UserError("\n".join(error.message for error in offline.errors), hint=offline.errors[-1].hint)
    statuses = [each.status for each in offline.foreign] + [each.status for each in responses]
    return max(statuses, default=0)


def _print_failure(offline: OfflineResponse) -> None:
    if isinstance(offline.decision, NoAction):
        terminal.say(offline.decision.reason)
    elif isinstance(offline.decision, NoRollbackTarget):
        print_no_target(offline.decision)
    elif offline.refused:
        print_refusal(offline.decision, offline.refused)
