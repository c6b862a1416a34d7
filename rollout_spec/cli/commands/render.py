"""Write the manifests of rollouts, which Argo CD or Flux applies. Do not edit them by hand."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.checks.rules import GATES
from rollout_spec.checks.runner import check
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.diff import patch
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Report
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.domain.incidents import files_about
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.spec.validation_errors import did_you_mean
from rollout_spec.workflows.checkout import Checkout, open_checkout, retry_if_changed
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workspace.files import refuse_links
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Watched

if TYPE_CHECKING:
    from rollout_spec.render.drift import Stale


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if manifests are out of date")
    parser.add_argument("--diff", action="store_true", help="print the changes")


def run(arguments: argparse.Namespace) -> int:
    """Render, and write the changed manifests."""
    here = place.find(arguments)
    if arguments.check:
        return _render(arguments, here, None)

    def attempt() -> int:
        with open_checkout(here.workspace, here.git_root, terminal.say) as checkout:
            return _render(arguments, here, checkout)

    return retry_if_changed(attempt)


def _render(arguments: argparse.Namespace, here: WorkspaceLocation, checkout: Checkout | None) -> int:
    tree = Watched(here.repository().tree)
    repository = Repository(tree)
    check_complete(here, repository)
    names = arguments.rollouts or repository.names("rollouts")
    for name in names:
        if repository.rollout(name) is None and repository.link(f"rollouts/{name}.yaml") is None:
            raise UserError(
                f"no rollout `{name}` in this workspace", hint=did_you_mean(name, repository.names("rollouts"))
            )
    if _broken(names, repository, here):
        return 1
    changes = _stale(repository, names, everything=not arguments.rollouts)
    if checkout is not None and changes:
        tree.check_unchanged()
    if arguments.diff:
        sys.stdout.write("".join(patch(each.path, each.committed, each.wanted) for each in changes))
    if checkout is None:
        return _report(changes)
    refuse_links(here.workspace, [each.path for each in changes])
    for each in changes:
        expected = ... if each.committed is not None and len(each.committed) > MAX_BYTES else each.committed
        checkout.put(str((here.workspace / each.path).relative_to(checkout.root)), each.wanted, expected)
        terminal.say(f"{'removed' if each.wanted is None else 'wrote'} {each.path}")
    if not changes:
        terminal.say("the manifests are up to date")
    return 0


def _broken(names: list[str], repository: Repository, here: WorkspaceLocation) -> bool:
    """Print the errors that prevent rendering, and return whether there are any."""
    report = check(repository, paths=[WORKSPACE_FILE, *_inputs(names, repository)], prefix=here.prefix)
    errors = [each for each in report.findings if each.severity == "error" and each.name in GATES]
    sys.stderr.write(REPORTERS["text"].report(Report(tuple(errors)), View()))
    return bool(errors)


def _inputs(names: list[str], repository: Repository) -> list[str]:
    """Return the inputs of the manifests: rollouts, their pinned components and their incidents.

    The manifest folders are included if they are links.
    """
    from rollout_spec.render.renderer import MANIFESTS

    paths: dict[str, None] = {}
    for rollout in names:
        paths |= dict.fromkeys((f"rollouts/{rollout}.yaml", f"{MANIFESTS}/{rollout}"))
        file = repository.rollout(rollout)
        for record in file.model.spec.versions.values() if file and file.model else ():
            paths |= dict.fromkeys(f"components/{name}.yaml" for name in record.requires or {})
        paths |= dict.fromkeys(incident.path for incident in files_about(rollout, repository))
    return [path for path in paths if repository.file(path) is not None or repository.link(path) is not None]


def _stale(repository: Repository, names: list[str], *, everything: bool) -> list[Stale]:
    from rollout_spec.render.drift import left_over, stale

    files = [file for file in map(repository.rollout, names) if file is not None]
    changes = [each for file in files for each in stale(file, repository)]
    return changes + list(left_over(repository)) if everything else changes


def _report(changes: list[Stale]) -> int:
    for each in changes:
        state = "missing" if each.committed is None else "left over" if each.wanted is None else "out of date"
        terminal.say(f"{each.path} is {state}")
    if changes:
        terminal.say("run `rollout-spec render` and commit the files")
    return 1 if changes else 0
