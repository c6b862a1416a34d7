"""A model is right only with its components: what only one version can be up of goes back in the same commit."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.entries import CannotEdit
from rollout_spec.domain.dependents import Dependent, dependents
from rollout_spec.domain.pins import satisfies, switches
from rollout_spec.render.renderer import Manifest
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.component import Component
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workspace.edits import with_live, with_serving
from rollout_spec.workspace.repository import File, Repository
from rollout_spec.workspace.tree import as_committed


@dataclass(frozen=True)
class ComponentSwitch:
    """An exclusive component that the restored version needs in another version.

    ``needed_by`` are versions of other rollouts that need the one which is up: then it stays, and a person decides.
    The pin of a rollout that does not load is empty.
    """

    component: str
    served: str
    required: str
    external: bool
    needed_by: tuple[Dependent, ...]

    @property
    def is_blocked(self) -> bool:
        """Is it left as it is?"""
        return bool(self.needed_by)

    @property
    def needed_by_text(self) -> str:
        """Who needs it as it is, in words: ``churn 42 needs``."""
        names = ", ".join(f"{each.rollout} {each.version}" for each in self.needed_by)
        return f"{names} {'needs' if len(self.needed_by) == 1 else 'need'}"

    @property
    def reason(self) -> Reason | None:
        """Why a person must look, or do something; None where git does it all."""
        if self.needed_by:
            words = f"{self.needed_by_text} {self.component} {self.served}, and the way back needs {self.required}"
            return Reason("component", words)
        if self.external:
            words = f"a person must switch {self.component} to {self.required}: git does not apply it"
            return Reason("component", words)
        return None


def required_switches(
    rollout: ModelRollout, restored: str, repository: Repository, leaving: Collection[tuple[str, str]] = ()
) -> tuple[ComponentSwitch, ...]:
    """Return the exclusive components that the restored version needs in another version than is up.

    ``leaving`` are versions of rollouts that the same commit takes back: what they need counts no more.
    """
    found = []
    for name, wanted in switches(rollout, restored, repository).items():
        file = repository.component(name)
        if file is not None and file.model is not None:
            found.append(_switch(rollout.metadata.name, name, wanted, file.model, repository, leaving))
    return tuple(found)


def _switch(
    own: str,
    name: str,
    wanted: str,
    component: Component,
    repository: Repository,
    leaving: Collection[tuple[str, str]],
) -> ComponentSwitch:
    serving = component.spec.serving
    needed_by = [
        each
        for each in dependents(name, repository).pins
        if each.rollout != own
        and (each.rollout, each.version) not in leaving
        and any(satisfies(up, each.pin) for up in serving)
        and not satisfies(wanted, each.pin)
    ]
    unread = [each for each in dependents(name, repository).unreadable if each != own]
    needed_by += [Dependent(each, "(which does not load)", "") for each in unread]
    return ComponentSwitch(name, ", ".join(serving), wanted, component.spec.applied_by == "external", tuple(needed_by))


def rollback_edits(
    file: File[ModelRollout], live: Live, switches: tuple[ComponentSwitch, ...], repository: Repository
) -> dict[str, bytes | None]:
    """Write ``live`` and the components that go back into their files. UserError says which one cannot be edited."""
    edits: dict[str, bytes | None] = {file.path: _spliced(file, partial(with_live, live=live))}
    for each in switches:
        component = repository.component(each.component)
        if component is not None and not each.is_blocked:
            edits[component.path] = _spliced(component, partial(with_serving, serving=[each.required]))
    return edits


def _spliced(file: File[Any], edit: Callable[[bytes], bytes]) -> bytes:
    try:
        return edit(file.content)
    except CannotEdit as error:
        raise UserError(f"{file.path}: {error.message}", hint=error.hint) from None


def manifests_unchanged(manifests: list[Manifest], version: str, repository: Repository) -> bool:
    """Is what runs a version in the tree already, byte for byte?"""
    return all(
        _stands_in(document.text.encode(), as_committed(repository.tree, manifest.path) or b"")
        for manifest in manifests
        for document in manifest.documents
        if document.version == version
    )


def _stands_in(document: bytes, manifest: bytes) -> bool:
    """Is this one whole document of a manifest, whose first line is a comment?"""
    return b"\n" + document + b"---\n" in manifest + b"---\n"
