"""The files from which a rollout's manifests are rendered, and whether they changed."""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.domain.contracts import place_of
from rollout_spec.domain.incident_files import files_about
from rollout_spec.render.outputs import output_paths
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Tree, as_committed


def inputs_changed(file: File[ModelRollout], repository: Repository, base: Repository) -> bool:
    """Return whether an input of a rollout's manifests, or a manifest itself, differs from the base."""
    paths = {*_paths(file, repository), *_paths(file, base)}
    return any(_differs(path, repository.tree, base.tree) for path in paths)


def _differs(path: str, tree: Tree, base: Tree) -> bool:
    now, then = tree.read(path), base.read(path)
    return now != then and (now is None or as_committed(now, path, tree) != then)


def _contracts(name: str, pin: str, repository: Repository) -> Iterator[str]:
    """Yield the contracts that decide the rollback target, which is kept on standby."""
    component = repository.component(name)
    spec = component.model.spec if component and component.model else None
    if spec is not None and spec.type == "schema" and spec.contract is not None:
        paths = (place_of(spec.contract, version) for version in {pin, *spec.serving})
        yield from (path for path in paths if path is not None)


def _paths(file: File[ModelRollout], repository: Repository) -> Iterator[str]:
    yield file.path
    yield WORKSPACE_FILE
    if file.model is None:
        return
    spec = file.model.spec
    for record in spec.versions.values():
        for component, pin in (record.requires or {}).items():
            yield f"components/{component}.yaml"
            yield from _contracts(component, pin, repository)
    for incident in files_about(file.stem, repository):
        yield incident.path
    for target in spec.targets:
        for name in repository.tree.names(f"templates/{target.type}"):
            yield f"templates/{target.type}/{name}"
    yield from output_paths(file.stem, repository)
