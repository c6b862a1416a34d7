"""Check specs, and say at which file, line and column what is wrong.

With PATHs: what concerns those files alone. Without: the whole workspace, with stale manifests and the way back; with
--all: every workspace in or below this folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rollout_spec.checks.reporters import REPORTERS, text
from rollout_spec.cli import paths, terminal
from rollout_spec.cli import report_view as view
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Report, Skipped
from rollout_spec.workflows import locate as location
from rollout_spec.workflows import sparse_checkout as checkout
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.repository import Repository

_MANY = 256
"""So many files are worth the start of processes."""
_SHOWN = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files or folders; the whole workspace where there are none"
    )
    parser.add_argument("--all", action="store_true", help="every workspace in or below this folder that git knows")
    parser.add_argument("--skip-outside", action="store_true", help="pass over PATHs that are no part of a workspace")
    parser.add_argument("--base", metavar="REF", help="the commit or branch that the change will be merged into")
    parser.add_argument("--format", choices=REPORTERS, default="text", help="how findings are told (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print the report."""
    places = _places(arguments)
    reports = list(_once(_check(here, inside, arguments.base) for here, inside in places))
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


def _once(reports: Iterable[Report]) -> Iterator[Report]:
    """Leave out what an earlier report has told: a pause of the whole git repository concerns all its workspaces."""
    told: set[Finding] = set()
    for report in reports:
        yield replace(report, findings=tuple(each for each in report.findings if each not in told))
        told.update(report.findings)


def _places(arguments: argparse.Namespace) -> Sequence[tuple[WorkspaceLocation, Sequence[str] | None]]:
    """Return the workspaces that are under check: this one, or those of the paths, each with its paths."""
    start = place.start_of(arguments)
    if arguments.all and arguments.paths:
        raise UserError("--all is about whole workspaces, and PATH about files: give one of them")
    if arguments.all:
        return [(each, None) for each in location.find_all(start)]
    if not arguments.paths:
        return [(location.find_from(start), None)]
    sorted_out = paths.sort_out(start, arguments.paths, skip_outside=arguments.skip_outside)
    if sorted_out.passed_over:
        terminal.say(_passed_over(sorted_out.passed_over))
    return sorted_out.places


def _passed_over(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"passed over {', '.join(names[:_SHOWN])}{more}: no part of a workspace"


def _check(here: WorkspaceLocation, inside: Sequence[str] | None, ref: str | None) -> Report:
    repository, base, now = here.repository(), _base(here, ref), datetime.now(UTC)
    progress = terminal.progress("files")
    folders = checkout.absent(here, repository)
    barring = [folder for folder in folders if not checkout.is_manifests(folder, here)]
    if barring and (inside is None or any(path.partition("/")[0] in checkout.DECIDING for path in inside)):
        return checkout.incomplete(here, barring)
    if inside is None:
        from rollout_spec.core.parallel import spread
        from rollout_spec.workflows.check import review

        without = ("manifests-current",) if folders else ()
        report = review(
            repository, without=without, base=base, prefix=here.prefix, now=now, spread=spread, progress=progress
        )
        skipped = (Skipped(name, "manifests/ is not in this checkout") for name in without)
        return replace(report, skipped=(*report.skipped, *skipped))
    from rollout_spec.checks.runner import check

    if len(inside) < _MANY:
        return check(repository, paths=inside, base=base, prefix=here.prefix, now=now, progress=progress)
    from rollout_spec.core.parallel import spread

    return check(repository, paths=inside, base=base, prefix=here.prefix, now=now, spread=spread, progress=progress)


def _base(here: WorkspaceLocation, ref: str | None) -> Repository | None:
    if ref is None:
        return None
    if here.git_root is None:
        raise UserError("--base needs git, and this workspace is in no git repository")
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.workspace.tree import CommitTree

    git = Git(here.git_root)
    commit = git.commit(ref)
    parted = git.merge_base(commit)
    if parted is None and git.is_shallow():
        raise UserError(
            f"this clone is shallow: it does not say where HEAD and {ref} parted",
            hint="fetch the history, `git fetch --unshallow`; a CI has a setting for the depth of its clones",
        )
    return Repository(CommitTree(git, parted or commit, here.prefix))


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
