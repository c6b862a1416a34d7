"""Check specs, and report errors with file, line and column.

With PATHs: only those files. Without: the whole workspace, with outdated manifests and a drill of its rollouts. With
--all: every workspace in or below this folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rollout_spec.checks.reporters import REPORTERS, text
from rollout_spec.cli import paths, terminal
from rollout_spec.cli import report_view as view
from rollout_spec.cli import workspace as place
from rollout_spec.cli.check_notes import explained, notes
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Report, Skipped
from rollout_spec.core.text import join_some
from rollout_spec.workflows import locate as location
from rollout_spec.workflows import sparse_checkout as checkout
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.workflows.selection import Changes

_MANY = 256
"""The number of files from which several processes are faster."""
_SHOWN = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: the whole workspace)")
    parser.add_argument(
        "--all", action="store_true", help="every workspace in or below this folder, except ignored ones"
    )
    parser.add_argument("--skip-outside", action="store_true", help="skip PATHs that are not part of a workspace")
    parser.add_argument("--base", metavar="REF", help="the commit or branch to merge into")
    parser.add_argument("--registry", action="store_true", help="also compare rollouts with the registry and artifacts")
    parser.add_argument("--format", choices=REPORTERS, default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print the report."""
    locations = _places(arguments)
    changes: Changes = {}
    reports = list(_once(_check(here, inside, arguments.base, changes) for here, inside in locations))
    failures = list[UserError]()
    if arguments.registry:
        reports = [
            _with_registry(report, here, inside, arguments.base, failures)
            for (here, inside), report in zip(locations, reports, strict=True)
        ]
    merged = Report(
        tuple(finding for report in reports for finding in report.findings),
        tuple(dict.fromkeys(skipped for report in reports for skipped in report.skipped)),
        tuple(silenced for report in reports for silenced in report.silenced),
        sum(report.files for report in reports),
        sum(report.unexamined for report in reports),
    )
    program = view.for_program([here for here, _ in locations])
    if arguments.format == "text":  # each report quotes the files of its own workspace
        for (here, _), report in zip(locations, reports, strict=True):
            sys.stdout.write(text.report(report, view.for_person(here)))
    else:
        sys.stdout.write(REPORTERS[arguments.format].report(merged, program))
    for line in notes(merged):
        terminal.say(line)
    if arguments.format == "text" and (terminal.is_watched(sys.stdout) or (merged.files and not merged.findings)):
        terminal.say(text.summary(merged))
    for line in explained(merged, arguments.format, program):
        terminal.say(line)
    for failure in failures:
        terminal.say(
            f"not everything is known: {failure.message}" + (f"\n  help: {failure.hint}" if failure.hint else "")
        )
    return max((failure.status for failure in failures), default=1 if merged.failed else 0)


def _with_registry(
    report: Report, here: WorkspaceLocation, inside: Sequence[str] | None, ref: str | None, failures: list[UserError]
) -> Report:
    """Add the findings of the registry about the checked rollouts. Errors of servers go into ``failures``.

    With a base, its registry is asked: a change must not choose the server that gets the token.
    """
    from rollout_spec.workflows.registry import of_command_line, open_registry
    from rollout_spec.workflows.registry_verify import VerifyOptions, verify

    repository = here.repository()
    known = repository.names("rollouts")
    names = [name for name in known if inside is None or f"rollouts/{name}.yaml" in inside]
    if not names:
        return report
    settings = (_base(here, ref) or repository).settings
    with open_registry(settings.registry if settings else None, of_command_line(here.workspace)) as access:
        result = verify(names, repository, access, VerifyOptions(prefix=here.prefix))
    if result.failure is not None:
        failures.append(result.failure)
    return replace(report, findings=tuple(sorted({*report.findings, *result.findings})))


def _once(reports: Iterable[Report]) -> Iterator[Report]:
    """Leave out findings of earlier reports: a pause of the git repository concerns all its workspaces."""
    reported: set[Finding] = set()
    for report in reports:
        yield replace(report, findings=tuple(each for each in report.findings if each not in reported))
        reported.update(report.findings)


def _places(arguments: argparse.Namespace) -> Sequence[tuple[WorkspaceLocation, Sequence[str] | None]]:
    """Return the workspaces to check, each with its paths, or None for the whole workspace."""
    start = place.start_of(arguments)
    if arguments.all and arguments.paths:
        raise UserError("--all and PATH exclude each other")
    if arguments.all:
        return [(each, None) for each in location.find_all(start)]
    if not arguments.paths:
        return [(location.find_from(start), None)]
    sorted_out = paths.sort_out(start, arguments.paths, skip_outside=arguments.skip_outside)
    if sorted_out.skipped:
        terminal.say(_skipped_paths(sorted_out.skipped))
    return sorted_out.places


def _skipped_paths(names: Sequence[str]) -> str:
    return f"skipped {join_some(names, _SHOWN)}: not part of a workspace"


def _check(here: WorkspaceLocation, inside: Sequence[str] | None, ref: str | None, changes: Changes) -> Report:
    repository, base, now = here.repository(), _base(here, ref), datetime.now(UTC)
    progress = terminal.progress("files")
    folders = checkout.absent(here, repository)
    barring = [folder for folder in folders if not checkout.is_manifests(folder, here)]
    if barring and (inside is None or any(path.partition("/")[0] in checkout.DECIDING for path in inside)):
        return checkout.incomplete(here, barring)
    if inside is None:
        from rollout_spec.core.parallel import spread
        from rollout_spec.workflows.check import review
        from rollout_spec.workflows.selection import selection_since

        without = ("manifests-current",) if folders else ()
        report = review(
            repository,
            without=without,
            base=base,
            selection=selection_since(base, repository, here, changes) if base is not None else None,
            prefix=here.prefix,
            now=now,
            spread=spread,
            progress=progress,
        )
        skipped = (Skipped(name, "manifests/ is not in this checkout") for name in without)
        return replace(report, skipped=(*report.skipped, *skipped))
    from rollout_spec.checks.runner import CheckOptions, check

    if len(inside) < _MANY:
        options = CheckOptions(progress=progress)
        return check(repository, paths=inside, base=base, prefix=here.prefix, now=now, options=options)
    from rollout_spec.core.parallel import spread

    options = CheckOptions(spread=spread, progress=progress)
    return check(repository, paths=inside, base=base, prefix=here.prefix, now=now, options=options)


def _base(here: WorkspaceLocation, ref: str | None) -> Repository | None:
    if ref is None:
        return None
    if here.git_root is None:
        raise UserError("--base needs git, but this workspace is not in a git repository")
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.workspace.commit_tree import CommitTree

    git = Git(here.git_root)
    commit = git.commit(ref)
    merge_base = git.merge_base(commit)
    if merge_base is None and git.is_shallow():
        raise UserError(
            f"this clone is shallow: the merge base of HEAD and {ref} is unknown",
            hint="fetch the history with `git fetch --unshallow`, or set the depth of the CI's clones",
        )
    return Repository(CommitTree(git, merge_base or commit, here.prefix))
