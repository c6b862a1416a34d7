"""The status of rollouts as plain data for JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.rollout_status import RolloutStatus, StageHold, WorkspaceStatus
from rollout_spec.reports.short_values import split_fields

VERSION = 1


def status_json(status: WorkspaceStatus, now: datetime) -> dict[str, Any]:
    """Return the status. docs/status.md describes the fields."""
    return {
        "version": VERSION,
        "workspace": status.workspace,
        "branch": status.branch,
        "commit": status.commit,
        "remoteNotAsked": status.not_asked,
        "rollouts": [_rollout(each, now, status.not_asked is None) for each in status.rollouts],
    }


def _rollout(status: RolloutStatus, now: datetime, is_asked: bool) -> dict[str, Any]:
    live = status.live
    return {
        "name": status.name,
        "problem": status.problem,
        "stable": live.stable if live is not None else None,
        "candidate": live.candidate if live is not None else None,
        "stage": live.stage if live is not None else None,
        "fixes": live.fixes if live is not None else None,
        "traffic": split_fields(status.split),
        "hold": _hold(status.hold, now) if status.hold is not None else None,
        "rollbackTargets": list(status.targets),
        "skipped": [{"version": version, "reason": reason} for version, reason in status.obstacles.items()],
        "incidents": [
            {
                "name": each.name,
                "version": each.version,
                "trigger": each.trigger,
                "branch": each.branch,
                "problem": each.problem,
            }
            for each in status.incidents
        ],
        "branches": [
            {"name": each.name, "kind": each.kind, "commit": each.commit, "url": each.url, "state": each.state}
            for each in status.branches
        ]
        if is_asked
        else None,
        "drilled": format_time(status.drilled) if status.drilled is not None else None,
    }


def _hold(hold: StageHold, now: datetime) -> dict[str, Any]:
    left = hold.left(now)
    return {
        "hold": format_duration(hold.hold),
        "since": format_time(hold.since) if hold.since is not None else None,
        "commit": hold.commit,
        "source": None if hold.since is None else "forge" if hold.by_forge else "commit",
        "until": format_time(hold.until) if hold.until is not None else None,
        "leftSeconds": int(left.total_seconds()) if left is not None else None,
        "reason": hold.reason,
    }
