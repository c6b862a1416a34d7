"""No file or folder of a workspace is a link or a submodule.

For a link, git stores only the name of its target; for a submodule, only the id of a commit. A rollback reads commits,
so it does not see the target of a link. If links were followed on disk, `check` would pass on files that no rollback
sees, and `render` would write outside the workspace. A link is therefore treated as absent everywhere, and is an error.
This applies to `.rollout-spec.yaml`, `.rollout-spec-pause`, policy packs and contracts that are named by path, and
everything in `rollouts/`, `components/`, `incidents/`, `policies/`, `templates/`, `contracts/`, `manifests/` and
`alerts/`.

Fails::

    # components/user-profile.yaml, a link
    ../../shared/user-profile.yaml

Passes::

    # components/user-profile.yaml
    spec: {serving: ["11", "12"]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rollout_spec.checks.policies import pack_paths
from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import WHOLE_FILE, Problem
from rollout_spec.core.links import HINT
from rollout_spec.domain.contracts import place_of
from rollout_spec.spec.kinds import FOLDERS, OUTPUTS, PAUSE, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.spec.kinds import KINDS as ALL_KINDS
from rollout_spec.workspace.repository import Repository

KINDS = frozenset({*ALL_KINDS, PAUSE})
NEEDS = ""
UNCONDITIONAL = True

OWN = (*FOLDERS, "templates", "contracts", *OUTPUTS)
"""The folders that belong to a workspace with everything in them."""


def check(subject: Subject) -> Iterator[Problem]:
    """Find links among the components, targets and packs that the rules of this file need.

    ``in_workspace`` and ``concerning`` find the others.
    """
    if subject.file.kind == "Workspace" and subject.model is not None:
        yield from problems(subject.repository.link(path) for path in pack_paths(subject.repository))
    if subject.file.kind != "ModelRollout" or subject.model is None:
        return
    spec, repository = subject.model.spec, subject.repository
    components = (repository.link(f"components/{name}.yaml") for name in spec.component_names)
    targets = [link for target in spec.targets for link in repository.links(f"templates/{target.type}")]
    yield from problems([*components, *(link for link in targets if link != "templates")])


def problems(links: Iterable[str | None]) -> Iterator[Problem]:
    """Yield a problem for each link."""
    for link in dict.fromkeys(filter(None, links)):
        yield Problem((), f"{link} is a link or a submodule, and is not followed", HINT, file=link, span=WHOLE_FILE)


def in_workspace(repository: Repository) -> Iterator[str | None]:
    """Yield the links of a workspace."""
    yield from (repository.link(path) for path in (WORKSPACE_FILE, PAUSE_FILE, *pack_paths(repository)))
    for folder in OWN:
        yield from repository.tree.links(folder)
    for name in repository.names("components"):
        yield from _contracts(name, repository)


def concerning(path: str, repository: Repository) -> Iterator[str | None]:
    """Yield a file's own link, and those that it depends on. Packs are checked at the workspace's file."""
    yield repository.link(path)
    folder, _, file = path.rpartition("/")
    stem = file.removesuffix(".yaml")
    if path == WORKSPACE_FILE:
        yield from (repository.link(owned) for owned in OWN)
    if folder == "rollouts":
        incidents = repository.names_from("incidents", f"{stem}-")
        yield from (
            repository.link(source) for source in ("incidents", *(f"incidents/{name}.yaml" for name in incidents))
        )
    if folder == "components":
        yield from _contracts(stem, repository)


def _contracts(name: str, repository: Repository) -> Iterator[str | None]:
    """Yield the links among the contracts of a component's versions."""
    component = repository.component(name)
    spec = component.model.spec if component and component.model else None
    if spec is not None and spec.contract is not None:
        paths = (place_of(spec.contract, version) for version in spec.serving)
        yield from (repository.link(path) for path in paths if path is not None)
