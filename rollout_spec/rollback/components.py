"""The edits of a rollback: ``live``, and the exclusive components that the restored version needs.

An exclusive component serves one version at a time, so it is switched in the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.domain.dependents import Dependent, dependents
from rollout_spec.domain.pins import satisfies, switches
from rollout_spec.render.renderer import Manifest
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.component import Component
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workspace.edits import with_live, with_serving
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import as_committed


@dataclass(frozen=True)
class ComponentSwitch:
    """An exclusive component that the restored version needs in another version.

    ``needed_by`` are versions of other rollouts that need the served version. They block the switch, and a person
    decides. The pin of a rollout that does not load is empty.
    """

    component: str
    served: str
    required: str
    external: bool
    needed_by: tuple[Dependent, ...]

    @property
    def is_blocked(self) -> bool:
        """Return whether another rollout blocks the switch, so that the component stays as it is."""
        return bool(self.needed_by)

    @property
    def needed_by_text(self) -> str:
        """The versions that block the switch, with their verb: ``churn 42 needs``."""
        names = ", ".join(f"{pin.rollout} {pin.version}" for pin in self.needed_by)
        return f"{names} {'needs' if len(self.needed_by) == 1 else 'need'}"

    @property
    def reason(self) -> Reason | None:
        """The reason for a reviewer, or None if the commit switches the component."""
        if self.needed_by:
            blocking = f"{self.needed_by_text} {self.component} {self.served}"
            return Reason("component", f"{blocking}, but the rollback needs {self.component} {self.required}")
        if self.external:
            message = f"a person must switch {self.component} to {self.required}: git does not apply it"
            return Reason("component", message)
        return None


def required_switches(
    rollout: ModelRollout, restored: str, repository: Repository, leaving: Collection[tuple[str, str]] = ()
) -> tuple[ComponentSwitch, ...]:
    """Return the exclusive components that must be switched for the restored version.

    It needs another version of these than the served one. ``leaving`` are versions of rollouts that the same commit
    rolls back: their pins do not count.
    """
    required = []
    for name, wanted in switches(rollout, restored, repository).items():
        file = repository.component(name)
        if file is not None and file.model is not None:
            required.append(_switch(rollout.metadata.name, name, wanted, file.model, repository, leaving))
    return tuple(required)


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
        pin
        for pin in dependents(name, repository).pins
        if pin.rollout != own
        and (pin.rollout, pin.version) not in leaving
        and any(satisfies(served, pin.pin) for served in serving)
        and not satisfies(wanted, pin.pin)
    ]
    unreadable = [rollout for rollout in dependents(name, repository).unreadable if rollout != own]
    needed_by += [Dependent(rollout, "(which does not load)", "") for rollout in unreadable]
    return ComponentSwitch(name, ", ".join(serving), wanted, component.spec.applied_by == "external", tuple(needed_by))


def rollback_edits(
    file: File[ModelRollout], live: Live, switches: tuple[ComponentSwitch, ...], repository: Repository
) -> dict[str, bytes | None]:
    """Return the edited files of ``live`` and of the switched components.

    UserError if a file cannot be edited.
    """
    edits: dict[str, bytes | None] = {file.path: _spliced(file, partial(with_live, live=live))}
    for switch in switches:
        component = repository.component(switch.component)
        if component is not None and not switch.is_blocked:
            edits[component.path] = _spliced(component, partial(with_serving, serving=[switch.required]))
    return edits


def _spliced(file: File[Any], edit: Callable[[bytes], bytes]) -> bytes:
    try:
        return edit(file.content)
    except CannotEditError as error:
        raise UserError(f"{file.path}: {error.message}", hint=error.hint) from None


def manifests_unchanged(manifests: list[Manifest], version: str, repository: Repository) -> bool:
    """Return whether the manifests that run a version are in the tree already, byte for byte."""
    for manifest in manifests:
        workloads = [document.text.encode() for document in manifest.documents if document.version == version]
        content = repository.content(manifest.path) or b"" if workloads else b""
        deployed = as_committed(content, manifest.path, repository.tree)
        if not all(_contains(workload, deployed) for workload in workloads):
            return False
    return True


def _contains(document: bytes, manifest: bytes) -> bool:
    """Return whether a manifest, which begins with a comment line, contains a whole document."""
    return b"\n" + document + b"---\n" in manifest + b"---\n"
