"""Roll back in memory from every reachable state of a rollout, and verify each rollback.

Each version with traffic fails once: with the candidate in each stage, promoted, withdrawn, and with an incident open.
Without a ROLLOUT: all of them. --record writes the time into each verified rollout.
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
from rollout_spec.core.text import aligned
from rollout_spec.workflows.checkout import open_checkout, retry_if_changed
from rollout_spec.workflows.drill import DrillOutcome, DrillVerdict
from rollout_spec.workflows.drill.workspace import WorkspaceDrill, drill_without_lock, drill_workspace, record_drill
from rollout_spec.workflows.locate import WorkspaceLocation

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
    parser.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts (default: all)")
    parser.add_argument(
        "--registry",
        action="store_true",
        help="also require that the registry and the artifacts of rollback targets exist",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the format (default: text)")
    parser.add_argument(
        "--record", action="store_true", help="write the time into `rollback.drilled` of each verified rollout"
    )


def run(arguments: argparse.Namespace) -> int:
    """Drill and print the outcomes. Return 1 if a rollback fails or a required one has no target."""
    here, now = place.find(arguments), clock().replace(microsecond=0)
    names, progress = arguments.rollouts, terminal.progress("rollouts", many=20)
    if not arguments.record:
        drilled = retry_if_changed(lambda: drill_workspace(names, here, now, progress))
        return _report(arguments, _with_registry(arguments, drilled, here))
    early = drill_without_lock(names, here, now, progress)
    with open_checkout(here.workspace, here.git_root, terminal.say) as checkout:
        result = early if early and early.is_current() else drill_workspace(names, here, now, progress)
        result = _with_registry(arguments, result, here)
        result.tree.check_unchanged(result.seen)
        status = _report(arguments, result)
        verified = [drills[0].rollout for drills in result.drills if not _fails(drills)]
        for path in record_drill(verified, result.tree, here, checkout, now):
            terminal.say(f"recorded in {path}")
    return status


def _with_registry(arguments: argparse.Namespace, result: WorkspaceDrill, here: WorkspaceLocation) -> WorkspaceDrill:
    """Add the rollback targets that the registry or their store lacks, if the user asks for that."""
    if not arguments.registry:
        return result
    from rollout_spec.workflows.drill.artifacts import with_artifacts

    return with_artifacts(result, here)


def _report(arguments: argparse.Namespace, result: WorkspaceDrill) -> int:
    drills = result.drills
    table = "\n".join(map(_table, drills))
    sys.stdout.write(_json(drills) if arguments.format == "json" else terminal.without_commands(table))
    terminal.say(_summary(drills))
    return 1 if any(map(_fails, drills)) else 0


def _fails(drills: Sequence[DrillOutcome]) -> bool:
    return any(each.fails for each in drills)


def _json(outcomes: Sequence[Sequence[DrillOutcome]]) -> str:
    """Return ``{"version", "rollouts": [{"name", "drills"}]}``."""
    rollouts = [{"name": drills[0].rollout, "drills": list(map(_fields, drills))} for drills in outcomes]
    return json_text({"version": VERSION, "rollouts": rollouts})


def _fields(drilled: DrillOutcome) -> dict[str, Any]:
    fields = asdict(drilled)
    return {name: fields[name] for name in ("state", "here", "failed", "restored", "verdict", "why")}


def _table(drills: Sequence[DrillOutcome]) -> str:
    """Return a line for each failed version below the rollout's name; ``*`` marks the present state."""
    cells = [(each.state, each.failed or "-", each.restored or "-") for each in drills]
    head, *rows = aligned([_HEADS, *cells])
    lines = [f"{shown(drills[0].rollout)}\n", f"  {head}  verdict\n"]
    for each, row in zip(drills, rows, strict=True):
        lines.append(f"{'*' if each.here else ' '} {row}  {_verdict(each)}\n")
    return "".join(lines)


def _verdict(drilled: DrillOutcome) -> str:
    word = drilled.verdict.replace("-", " ")
    if terminal.colors(sys.stdout) and drilled.verdict in _COLORS:
        word = f"\x1b[{_COLORS[drilled.verdict]}m{word}\x1b[0m"
    return f"{word}: {shown(drilled.why)}" if drilled.why else word


def _summary(outcomes: Sequence[Sequence[DrillOutcome]]) -> str:
    """Return a summary: ``2 rollouts: 20 proven, 1 draft, 2 not reachable``."""
    drills = [each for one in outcomes for each in one]
    counts = ((sum(each.verdict == word for each in drills), word.replace("-", " ")) for word in get_args(DrillVerdict))
    summary = ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing to drill"
    return f"{len(outcomes)} {'rollout' if len(outcomes) == 1 else 'rollouts'}: {summary}"
