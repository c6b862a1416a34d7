"""Roll back from every state that a rollout can reach, in memory, and say what each rollback is worth.

The candidate in each stage, just promoted, gone, and with an incident already open: each version that takes requests
fails there once. Without a ROLLOUT: all of them. --record writes into each rollout that is proven when that was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

from rollout_spec.checks.reporters.base import json_text, shown
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.workflows.checkout import open_checkout, retry_if_changed
from rollout_spec.workflows.drill import DrillOutcome, DrillVerdict
from rollout_spec.workflows.drill.workspace import WorkspaceDrill, drill_without_lock, drill_workspace, record_drill

VERSION = 1
_COLORS = {
    "failed": "31",
    "no-way-back": "31",
    "no-way-back-yet": "33",
    "no-way-back-left": "33",
    "draft": "33",
    "proven": "32",
}
_HEADS = ("state", "fails", "restored")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts; all of them where there are none"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how it is told (default: text)")
    parser.add_argument(
        "--record", action="store_true", help="write the time into `rollback.drilled` of each rollout that is proven"
    )


def run(arguments: argparse.Namespace) -> int:
    """Drill, and print what came of it; the status is 1 where a rollback fails, or there is none where one is due."""
    here, now = place.find(arguments), clock().replace(microsecond=0)
    names, progress = arguments.rollouts, terminal.progress("rollouts", many=20)
    if not arguments.record:
        return _report(arguments, retry_if_changed(lambda: drill_workspace(names, here, now, progress)))
    early = drill_without_lock(names, here, now, progress)
    with open_checkout(here.workspace, here.git_root, terminal.say) as checkout:
        found = early if early and early.is_current() else drill_workspace(names, here, now, progress)
        found.tree.check_unchanged(found.seen)
        status = _report(arguments, found)
        verified = [drills[0].rollout for drills in found.drills if not _fails(drills)]
        for path in record_drill(verified, found.tree, here, checkout, now):
            terminal.say(f"recorded in {path}")
    return status


def _report(arguments: argparse.Namespace, found: WorkspaceDrill) -> int:
    drills = found.drills
    sys.stdout.write(_json(drills) if arguments.format == "json" else "\n".join(map(_table, drills)))
    terminal.say(_summary(drills))
    return 1 if any(map(_fails, drills)) else 0


def _fails(drills: Sequence[DrillOutcome]) -> bool:
    return any(each.fails for each in drills)


def _json(found: Sequence[Sequence[DrillOutcome]]) -> str:
    """Return ``{"version", "rollouts": [{"name", "drills"}]}``."""
    rollouts = [{"name": drills[0].rollout, "drills": list(map(_fields, drills))} for drills in found]
    return json_text({"version": VERSION, "rollouts": rollouts})


def _fields(drilled: DrillOutcome) -> dict[str, Any]:
    fields = asdict(drilled)
    return {name: fields[name] for name in ("state", "here", "failed", "restored", "verdict", "why")}


def _table(drills: Sequence[DrillOutcome]) -> str:
    """Return a line for each version that fails, below the name of the rollout; ``*`` marks where it stands now."""
    cells = [(each.state, each.failed or "-", each.restored or "-") for each in drills]
    wide = [max(map(len, column)) for column in zip(_HEADS, *cells, strict=True)]
    lines = [f"{shown(drills[0].rollout)}\n", f"  {_aligned(_HEADS, wide)}  verdict\n"]
    for each, row in zip(drills, cells, strict=True):
        lines.append(f"{'*' if each.here else ' '} {_aligned(row, wide)}  {_verdict(each)}\n")
    return "".join(lines)


def _aligned(row: Sequence[str], wide: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(row, wide, strict=True))


def _verdict(drilled: DrillOutcome) -> str:
    word = drilled.verdict.replace("-", " ")
    if terminal.colors(sys.stdout) and drilled.verdict in _COLORS:
        word = f"\x1b[{_COLORS[drilled.verdict]}m{word}\x1b[0m"
    return f"{word}: {shown(drilled.why)}" if drilled.why else word


def _summary(found: Sequence[Sequence[DrillOutcome]]) -> str:
    """Return one line that says how it went: ``2 rollouts: 20 proven, 1 draft, 2 not reachable``."""
    drills = [each for one in found for each in one]
    counts = ((sum(each.verdict == word for each in drills), word.replace("-", " ")) for word in get_args(DrillVerdict))
    told = ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing to drill"
    return f"{len(found)} {'rollout' if len(found) == 1 else 'rollouts'}: {told}"
