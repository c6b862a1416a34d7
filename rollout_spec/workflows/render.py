"""The manifests of a workspace: rendered, compared with those on disk, and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.checks.rules import GATES
from rollout_spec.checks.runner import check
from rollout_spec.core.findings import Finding
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.domain.incident_files import files_about
from rollout_spec.spec.kinds import ALERTS, MANIFESTS, WORKSPACE_FILE
from rollout_spec.workflows.checkout import Checkout
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workspace.files import refuse_links
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Watched

if TYPE_CHECKING:
    from rollout_spec.render.drift import ManifestDrift


@dataclass(frozen=True)
class Rendering:
    """The manifests to change, or the errors that prevent rendering.

    ``tree`` has the files that were read.
    """

    tree: Watched
    changes: list[ManifestDrift]
    errors: tuple[Finding, ...] = ()


def render_workspace(rollouts: Sequence[str], here: WorkspaceLocation) -> Rendering:
    """Render rollouts, all of them if none is named. UserError if a rollout is unknown."""
    tree = Watched(here.repository().tree)
    repository = Repository(tree)
    check_complete(here, repository)
    names = list(rollouts) or repository.names("rollouts")
    repository.refuse_unknown(name for name in rollouts if repository.link(f"rollouts/{name}.yaml") is None)
    errors = _errors(names, repository, here)
    changes = [] if errors else _changes(repository, names, everything=not rollouts)
    return Rendering(tree, changes, errors)


def write_manifests(
    changes: list[ManifestDrift], here: WorkspaceLocation, checkout: Checkout
) -> Iterator[ManifestDrift]:
    """Write or remove manifests, and yield each one. ChangedError if a file changed since it was read."""
    refuse_links(here.workspace, [each.path for each in changes])
    for each in changes:
        expected = ... if each.committed is not None and len(each.committed) > MAX_BYTES else each.committed
        checkout.put(str((here.workspace / each.path).relative_to(checkout.root)), each.wanted, expected)
        yield each


def _errors(names: list[str], repository: Repository, here: WorkspaceLocation) -> tuple[Finding, ...]:
    """Return the errors that prevent rendering: files that do not load, or that name absent ones."""
    report = check(repository, paths=[WORKSPACE_FILE, *_inputs(names, repository)], prefix=here.prefix)
    return tuple(each for each in report.findings if each.severity == "error" and each.name in GATES)


def _inputs(names: list[str], repository: Repository) -> list[str]:
    """Return the inputs of the manifests: rollouts, their pinned components and their incidents.

    The folders of manifests and the files of alerts are included if they are links.
    """
    paths: dict[str, None] = {}
    for rollout in names:
        paths[f"rollouts/{rollout}.yaml"] = None
        outputs = (f"{MANIFESTS}/{rollout}", f"{ALERTS}/{rollout}.yaml")
        paths |= dict.fromkeys(path for path in outputs if repository.link(path) is not None)
        file = repository.rollout(rollout)
        pinned = file.model.spec.component_names if file and file.model else ()
        paths |= dict.fromkeys(f"components/{name}.yaml" for name in pinned)
        paths |= dict.fromkeys(incident.path for incident in files_about(rollout, repository))
    return [path for path in paths if repository.file(path) is not None or repository.link(path) is not None]


def _changes(repository: Repository, names: list[str], *, everything: bool) -> list[ManifestDrift]:
    from rollout_spec.render.drift import find_drift, orphaned_manifests

    files = [file for file in map(repository.rollout, names) if file is not None]
    changes = [each for file in files for each in find_drift(file, repository)]
    return changes + list(orphaned_manifests(repository)) if everything else changes
