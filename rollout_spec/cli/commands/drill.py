"""Roll back from every state that a rollout can reach, in memory, and say what each rollback is worth.

The candidate in each stage, just promoted, gone, and with an incident already open: each version that takes requests
fails there once. Without a ROLLOUT: all of them. --record writes into each rollout that is proven when that was.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from rollout_spec.checks.reporters.base import json_text, shown
from rollout_spec.checks.rules import ROUTED, Subject
from rollout_spec.checks.runner import check, is_sound
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.core.parallel import spread
from rollout_spec.core.yaml.entries import CannotEdit
from rollout_spec.spec.validation_errors import did_you_mean
from rollout_spec.workflows import locate as location
from rollout_spec.workflows.checkout import Checkout, open_checkout, retry_if_changed
from rollout_spec.workflows.drill import DrillOutcome, DrillVerdict, drill
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workspace.edits import with_drilled
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Seen, Watched

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


def clock() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC).replace(microsecond=0)


def run(arguments: argparse.Namespace) -> int:
    """Drill, and print what came of it; the status is 1 where a rollback fails, or there is none where one is due."""
    here, now = place.find(arguments), clock()
    if not arguments.record:
        return _report(arguments, retry_if_changed(lambda: _drill(arguments, here, now)))
    early = _drilled_without_lock(arguments, here, now)
    with open_checkout(here.workspace, here.git_root, terminal.say) as checkout:
        found = early if early and early.is_current() else _drill(arguments, here, now)
        found.tree.check_unchanged(found.seen)
        status = _report(arguments, found)
        _record([drills[0].rollout for drills in found.drills if not _fails(drills)], found.tree, here, checkout, now)
    return status


@dataclass(frozen=True)
class _Found:
    """What came of a drill, and what was read for it: ``seen`` by other processes."""

    drills: list[list[DrillOutcome]]
    tree: Watched
    seen: Seen

    def is_current(self) -> bool:
        """Return whether all that was read is still as it was."""
        try:
            self.tree.check_unchanged(self.seen)
        except ChangedError:
            return False
        return True


def _drilled_without_lock(arguments: argparse.Namespace, here: WorkspaceLocation, now: datetime) -> _Found | None:
    """Drill while others may write; None if somebody did while files were read."""
    try:
        return _drill(arguments, here, now)
    except ChangedError:
        return None


def _drill(arguments: argparse.Namespace, here: WorkspaceLocation, now: datetime) -> _Found:
    tree = Watched(here.repository().tree)
    repository = Repository(tree)
    location.refuse_link(here.workspace, "rollouts")
    check_complete(here, repository)
    known = repository.names("rollouts")
    names = list(dict.fromkeys(arguments.rollouts)) or known
    for name in names:
        if name not in known:
            raise UserError(f"there is no rollout `{name}` here", hint=did_you_mean(name, known))
    found = list(_drilled(names, repository, tree, now))
    seen: Seen = {}
    for key, digest in (item for _, each in found for item in each.items()):
        if seen.setdefault(key, digest) != digest:
            raise ChangedError(key[-1])
    return _Found([drills for drills, _ in found], tree, seen)


def _report(arguments: argparse.Namespace, found: _Found) -> int:
    drills = found.drills
    sys.stdout.write(_json(drills) if arguments.format == "json" else "\n".join(map(_table, drills)))
    terminal.say(_summary(drills))
    return 1 if any(map(_fails, drills)) else 0


def _fails(drills: Sequence[DrillOutcome]) -> bool:
    return any(each.fails for each in drills)


def _drilled(
    names: Sequence[str], repository: Repository, tree: Watched, now: datetime
) -> Iterator[tuple[list[DrillOutcome], Seen]]:
    """Give what came of each rollout, in order, with what another process read for it."""
    progress, owner = terminal.progress("rollouts", many=20), os.getpid()

    def drilled(name: str) -> tuple[list[DrillOutcome], Seen]:
        found, seen = _all_of(name, repository, now), {}
        if os.getpid() != owner:
            seen = dict(tree.seen)
            tree.seen.clear()
        return found, seen

    for done, found in enumerate(spread(drilled, names), 1):
        if progress:
            progress(done, len(names))
        yield found


def _all_of(name: str, repository: Repository, now: datetime) -> list[DrillOutcome]:
    """Drill one rollout; one that is not sound is not made worse by guesses about what it would be."""
    file = repository.rollout(name)
    if file is None:
        why = f"`rollout-spec check` says why rollouts/{name}.yaml is not read"
        return [DrillOutcome(name, "not sound", True, None, None, "failed", why)]
    for each in (file, *(Subject(file, repository).inputs if file.model else ())):
        if not is_sound(each, repository):
            why = f"`rollout-spec check {each.path}` finds errors that come first"
            return [DrillOutcome(name, "not sound", True, None, None, "failed", why)]
    report = check(repository, paths=[file.path])
    for finding in report.findings:
        if finding.name == ROUTED and finding.severity == "error":  # no rollback moves a request
            return [DrillOutcome(name, "not routed", True, None, None, "failed", finding.message)]
    return list(drill(repository, name, now=now))


def _record(names: Sequence[str], tree: Watched, here: WorkspaceLocation, checkout: Checkout, now: datetime) -> None:
    """Write into the rollouts that are proven when that was; the others keep the time of their last good drill."""
    for path in (f"rollouts/{name}.yaml" for name in names):
        content = tree.read(path)
        if content is None:
            raise ChangedError(path)
        try:
            wanted = with_drilled(content, now)
        except CannotEdit as error:
            raise UserError(f"{path}: {error.message}", hint=error.hint) from None
        checkout.put(str((here.workspace / path).relative_to(checkout.root)), wanted, content)
        terminal.say(f"recorded in {path}")


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
