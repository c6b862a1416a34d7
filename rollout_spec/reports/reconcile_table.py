"""The table of one pass: all rollouts in flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rollout_spec.core.text import aligned, escape

VERSION = 1
_HEADS = ("rollout", "version", "stage", "verdict", "action")


@dataclass(frozen=True)
class ReconcileRow:
    """One rollout of a pass.

    ``stage``, ``verdict`` and ``url`` are empty if there is none. ``missing`` are all conditions of a step that waits.
    """

    rollout: str
    version: str
    stage: str
    verdict: str
    action: str
    reason: str
    url: str = ""
    missing: tuple[str, ...] = ()


def reconcile_table(rows: Sequence[ReconcileRow]) -> str:
    """Return a line for each rollout, and below it the missing conditions or the reason, and the link."""
    if not rows:
        return "no rollout is in flight\n"
    cells = [(escape(each.rollout), each.version, each.stage or "-", each.verdict or "-", each.action) for each in rows]
    head, *lines_of_rows = aligned([_HEADS, *cells])
    lines = [head.rstrip()]
    for line, each in zip(lines_of_rows, rows, strict=True):
        lines += [line.rstrip(), *(f"    {reason}" for reason in each.missing or [each.reason])]
        if each.url:
            lines.append(f"    {each.url}")
    return "\n".join(lines) + "\n"


def reconcile_json(rows: Sequence[ReconcileRow]) -> dict[str, Any]:
    """Return plain data for JSON: ``{"version", "rollouts": [{rollout, version, stage, verdict, …}]}``."""
    return {"version": VERSION, "rollouts": [asdict(row) for row in rows]}
