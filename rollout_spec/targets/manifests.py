"""The committed manifests, held against what the specs render."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollout_spec.errors import UserError
from rollout_spec.repository import File, Repository
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.targets.render import MANIFESTS, Manifest, render


@dataclass(frozen=True)
class Stale:
    """A manifest that is not what is rendered.

    ``committed`` is None where it is missing, ``wanted`` where nothing renders it; ``target`` is the index of the
    target that renders it, None where none does.
    """

    path: str
    committed: bytes | None
    wanted: bytes | None
    target: int | None = None


def stale(file: File[ModelRollout], repository: Repository) -> list[Stale]:
    """Render a rollout, and return the manifests that differ. UserError where that cannot be done."""
    if file.model is None:
        raise UserError(f"{file.path} does not load", hint=f"`rollout-spec check {file.path}` says why")
    return list(compared(file.stem, render(file.model, repository), repository))


def compared(name: str, manifests: list[Manifest], repository: Repository) -> Iterator[Stale]:
    """Give what differs between the manifests that a rollout renders and those in the tree."""
    for manifest in manifests:
        committed, wanted = repository.tree.read(manifest.path), manifest.text.encode()
        if committed != wanted:
            yield Stale(manifest.path, committed, wanted, manifest.target)
    known = {manifest.path for manifest in manifests}
    for left in repository.tree.names(f"{MANIFESTS}/{name}"):
        path = f"{MANIFESTS}/{name}/{left}"
        if path not in known:
            yield Stale(path, repository.tree.read(path), None)


def left_over(repository: Repository) -> Iterator[Stale]:
    """Give the manifests of rollouts that are no more."""
    rollouts, tree = set(repository.names("rollouts")), repository.tree
    for name in tree.names(MANIFESTS):
        for left in tree.names(f"{MANIFESTS}/{name}") if name not in rollouts else ():
            path = f"{MANIFESTS}/{name}/{left}"
            yield Stale(path, tree.read(path), None)
