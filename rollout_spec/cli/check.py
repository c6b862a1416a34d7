"""Check specs, and say at which file, line and column what is wrong.

With PATHs: what concerns those files alone. Without: the whole workspace, with stale manifests and the way back.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rollout_spec.check import Report
from rollout_spec.cli import place, terminal
from rollout_spec.errors import UserError
from rollout_spec.finding import Finding, Skipped
from rollout_spec.reporters import REPORTERS, View
from rollout_spec.repository import Repository
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files or folders; the whole workspace where there are none"
    )
    parser.add_argument("--base", metavar="REF", help="the commit or branch that the change will be merged into")
    parser.add_argument("--format", choices=REPORTERS, default="text", help="how findings are told (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print the report."""
    places = _places(arguments)
    reports = [_check(here, paths, arguments.base) for here, paths in places]
    findings = tuple(finding for report in reports for finding in report.findings)
    skipped = tuple(dict.fromkeys(skipped for report in reports for skipped in report.skipped))
    if arguments.format == "text":  # each workspace's own files are quoted
        for (here, _), report in zip(places, reports, strict=True):
            sys.stdout.write(REPORTERS["text"].report(report.findings, (), _view(here)))
    else:
        sys.stdout.write(REPORTERS[arguments.format].report(findings, skipped, View()))
    for line in _skipped(skipped):
        terminal.say(line)
    if arguments.format == "text" and terminal.is_watched(sys.stdout):
        terminal.say(_summary(findings))
    return 1 if any(report.failed for report in reports) else 0


def _places(arguments: argparse.Namespace) -> list[tuple[place.Place, list[str] | None]]:
    """Return the workspaces that are under check: this one, or those of the paths, each with its paths."""
    start = place.start_of(arguments)
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
    repository, base = here.repository(), _base(here, ref)
    progress = terminal.progress("files")
    if paths is None:
        from rollout_spec.review import review

        return review(repository, base=base, prefix=here.prefix, progress=progress)
    from rollout_spec.check import check

    return check(repository, paths=paths, base=base, prefix=here.prefix, progress=progress)


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


def _view(here: place.Place) -> View:
    if not terminal.is_watched(sys.stdout):
        return View()
    root = here.git_root or here.workspace
    read: dict[str, Sequence[str]] = {}

    def lines_of(file: str) -> Sequence[str]:
        if file not in read:
            from rollout_spec.document import parse
            from rollout_spec.reading import MAX_BYTES

            path = Path(root, file)
            read[file] = parse(path.read_bytes()[:MAX_BYTES]).lines if path.is_file() else ()
        return read[file]

    return View(lines_of, terminal.colors(sys.stdout))


def _summary(findings: Sequence[Finding]) -> str:
    """Return the line with which a person who waits is told how it went."""
    counts = [(sum(each.severity == word for each in findings), word) for word in ("error", "warning", "info")]
    told = [f"{count} {word}{'s' if count > 1 and word != 'info' else ''}" for count, word in counts if count]
    return ", ".join(told) or "all is well"


def _skipped(skipped: Sequence[Skipped]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        reasons.setdefault(each.why, []).append(each.name)
    return [f"skipped {', '.join(names)}: {why}" for why, names in reasons.items()]
