"""No file or folder of a workspace is a link or a submodule.

Git keeps of a link the name of its target, and of a submodule the id of a commit. A rollback reads commits: there, what
is behind a link is missing. Were links followed on disk, `check` would pass on files that no rollback sees, and
`render` would write to folders that are no part of the workspace. So a link is read as absent everywhere, and is an
error. That concerns `.rollout-spec.yaml`, `.rollout-spec-pause`, the policy packs and contracts that are named by path,
and all that is in `rollouts/`, `components/`, `incidents/`, `policies/`, `templates/`, `contracts/` and `manifests/`.

Fails::

    # components/user-profile.yaml, a link
    ../../shared/user-profile.yaml

Passes::

    # components/user-profile.yaml
    spec: {serving: ["11", "12"]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import WHOLE_FILE, Problem
from rollout_spec.core.links import HINT
from rollout_spec.domain.contracts import place_of
from rollout_spec.spec.kinds import FOLDERS, PAUSE, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.spec.kinds import KINDS as ALL_KINDS
from rollout_spec.workspace.repository import Repository

KINDS = frozenset({*ALL_KINDS, PAUSE})
NEEDS = ""
UNCONDITIONAL = True

OWN = (*FOLDERS, "templates", "contracts", "manifests")
"""The folders of a workspace, all of whose files are its own."""


def check(subject: Subject) -> Iterator[Problem]:
    """Look at the files without which this one cannot be judged: components, targets of its own, packs.

    ``in_workspace`` and ``concerning`` look at the others, without which there is something to say.
    """
    if subject.file.kind == "Workspace" and subject.model is not None:
        yield from problems(subject.repository.link(path) for path in _packs(subject.repository))
    if subject.file.kind != "ModelRollout" or subject.model is None:
        return
    spec, repository = subject.model.spec, subject.repository
    components = (repository.link(f"components/{name}.yaml") for name in spec.component_names)
    targets = [link for target in spec.targets for link in repository.tree.links(f"templates/{target.type}")]
    yield from problems([*components, *(link for link in targets if link != "templates")])


def problems(links: Iterable[str | None]) -> Iterator[Problem]:
    """Give a problem for each link."""
    for link in dict.fromkeys(filter(None, links)):
        yield Problem((), f"{link} is a link or a submodule, and is not followed", HINT, file=link, span=WHOLE_FILE)


def in_workspace(repository: Repository) -> Iterator[str | None]:
    """Give the links of a workspace."""
    yield from (repository.link(path) for path in (WORKSPACE_FILE, PAUSE_FILE, *_packs(repository)))
    for folder in OWN:
        yield from repository.tree.links(folder)
    for name in repository.names("components"):
        yield from _contracts(name, repository)


def concerning(path: str, repository: Repository) -> Iterator[str | None]:
    """Give the links that one file is, lies behind, or depends on."""
    yield repository.link(path)
    folder, _, file = path.rpartition("/")
    stem = file.removesuffix(".yaml")
    if path == WORKSPACE_FILE:
        yield from (repository.link(own) for own in OWN)
    if path == WORKSPACE_FILE or folder == "rollouts":
        yield from (repository.link(pack) for pack in _packs(repository))
    if folder == "rollouts":
        incidents = repository.names_from("incidents", f"{stem}-")
        yield from (
            repository.link(place) for place in ("incidents", *(f"incidents/{name}.yaml" for name in incidents))
        )
    if folder == "components":
        yield from _contracts(stem, repository)


def _packs(repository: Repository) -> Iterator[str]:
    settings = repository.settings
    for reference in settings.policies if settings else ():
        if "/" in reference or reference.endswith(".yaml"):
            yield reference


def _contracts(name: str, repository: Repository) -> Iterator[str | None]:
    """Give the links among the contracts of a component's versions."""
    component = repository.component(name)
    spec = component.model.spec if component and component.model else None
    if spec is not None and spec.contract is not None:
        paths = (place_of(spec.contract, version) for version in spec.serving)
        yield from (repository.link(path) for path in paths if path is not None)
