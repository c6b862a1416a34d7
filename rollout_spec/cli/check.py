"""Check specs, and say at which file, line and column what is wrong.

With PATHs: what concerns those files alone. Without: the whole workspace, with stale manifests and the way back; with
--all: every workspace in or below this folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from rollout_spec.cli import place, terminal, view
from rollout_spec.errors import UserError
from rollout_spec.finding import Report, Skipped
from rollout_spec.reporters import REPORTERS, text
from rollout_spec.repository import Repository
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE

_MANY = 256
"""So many files are worth the start of processes."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files or folders; the whole workspace where there are none"
    )
    parser.add_argument("--all", action="store_true", help="every workspace in or below this folder that git knows")
    parser.add_argument("--base", metavar="REF", help="the commit or branch that the change will be merged into")
    parser.add_argument("--format", choices=REPORTERS, default="text", help="how findings are told (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print the report."""
    places = _places(arguments)
    reports = [_check(here, paths, arguments.base) for here, paths in places]
    told = Report(
        tuple(finding for report in reports for finding in report.findings),
        tuple(dict.fromkeys(skipped for report in reports for skipped in report.skipped)),
        tuple(silenced for report in reports for silenced in report.silenced),
    )
    if arguments.format == "text":  # each workspace's own files are quoted
        for (here, _), report in zip(places, reports, strict=True):
            sys.stdout.write(text.report(report, view.for_person(here)))
    else:
        sys.stdout.write(REPORTERS[arguments.format].report(told, view.for_program([here for here, _ in places])))
    for line in (*_skipped(told.skipped), *_waived(told)):
        terminal.say(line)
    if arguments.format == "text" and terminal.is_watched(sys.stdout):
        terminal.say(text.summary(told))
    return 1 if told.failed else 0


def _places(arguments: argparse.Namespace) -> list[tuple[place.Place, list[str] | None]]:
    """Return the workspaces that are under check: this one, or those of the paths, each with its paths."""
    start = place.start_of(arguments)
    if arguments.all and arguments.paths:
        raise UserError("--all is about whole workspaces, and PATH about files: give one of them")
    if arguments.all:
        return [(each, None) for each in place.find_all(start)]
    if not arguments.paths:
        return [(place.find_from(start), None)]
    find = cache(place.find_from)
    found: dict[Path, tuple[place.Place, list[str] | None]] = {}
    for path in arguments.paths:
        for file in _files(start, path):
            here = find(file.parent)
            _, paths = found.setdefault(here.workspace, (here, []))
            assert paths is not None
            paths.append(here.inside(str(file)))
    return list(found.values())


def _files(start: Path, path: str) -> list[Path]:
    """Return the file at a path; a folder stands for the documents in it."""
    absolute = Path(os.path.normpath(start / path))
    if absolute.is_dir():
        found = (each for each in absolute.rglob("*.y*ml") if each.suffix in (".yaml", ".yml"))
        return sorted(each for each in found if each.name == WORKSPACE_FILE or each.parent.name in FOLDERS)
    if not absolute.is_file():
        raise UserError(f"there is no file {path}")
    return [absolute]


def _check(here: place.Place, paths: Sequence[str] | None, ref: str | None) -> Report:
    repository, base, now = here.repository(), _base(here, ref), datetime.now(UTC)
    progress = terminal.progress("files")
    if paths is None:
        from rollout_spec.processes import spread
        from rollout_spec.review import review

        return review(repository, base=base, prefix=here.prefix, now=now, spread=spread, progress=progress)
    from rollout_spec.check import check

    if len(paths) < _MANY:
        return check(repository, paths=paths, base=base, prefix=here.prefix, now=now, progress=progress)
    from rollout_spec.processes import spread

    return check(repository, paths=paths, base=base, prefix=here.prefix, now=now, spread=spread, progress=progress)


def _base(here: place.Place, ref: str | None) -> Repository | None:
    if ref is None:
        return None
    if here.git_root is None:
        raise UserError("--base needs git, and this workspace is in no git repository")
    from rollout_spec.git import Git
    from rollout_spec.tree import CommitTree

    git = Git(here.git_root)
    commit = git.commit(ref)
    return Repository(CommitTree(git, git.merge_base(commit) or commit, here.prefix))


def _waived(report: Report) -> list[str]:
    return [
        f"waived until {each.until}: {each.finding.name} in {each.finding.file}: {each.reason}"
        for each in report.silenced
        if each.by == "waiver"
    ]


def _skipped(skipped: Sequence[Skipped]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        reasons.setdefault(each.why, []).append(each.name)
    return [f"skipped {', '.join(names)}: {why}" for why, names in reasons.items()]
