"""The pins of versions on components, satisfied or not.

Some are satisfied by a rollback that switches the component.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rollout_spec.domain import traffic
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class UnsatisfiedPin:
    """A pin that no served version satisfies.

    ``served`` is None if it is unknown or there is no such component. ``is_unread``: the component does not load, so it
    is unknown whether the pin is satisfied.
    """

    component: str
    pin: str
    served: tuple[str, ...] | None
    is_unread: bool = False

    @property
    def message(self) -> str:
        """The reason why the pin bars a version."""
        if self.is_unread:
            return f"it pins {self.component} {self.pin}, but components/{self.component}.yaml does not load"
        return f"{self.component} {self.pin} is not served"


@lru_cache(maxsize=4096)
def satisfies(version: str, pin: str) -> bool:
    """Return whether a component's version satisfies a pin: an exact version, or a PEP 440 range."""
    if not is_range(pin):
        return version == pin
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        return SpecifierSet(pin).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def is_valid_pin(pin: str) -> bool:
    """Return whether a pin is one version, or a valid PEP 440 range."""
    if not is_range(pin):
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(pin)
    except InvalidSpecifier:
        return False
    return True


def is_range(pin: str) -> bool:
    """Return whether a pin is a range and not one version."""
    return pin[0] in "<>=!~"


def unsatisfied_pins(rollout: ModelRollout, version: str, repository: Repository) -> Iterator[UnsatisfiedPin]:
    """Yield the pins of a version that are unsatisfied.

    A pin on a component that does not load counts as such.
    """
    record = rollout.spec.versions.get(version)
    for name, pin in ((record.requires or {}) if record else {}).items():
        component = repository.component(name)
        if component is None:
            yield UnsatisfiedPin(name, pin, None)
        elif component.model is None:
            yield UnsatisfiedPin(name, pin, None, is_unread=True)
        elif not any(satisfies(served, pin) for served in component.model.spec.serving):
            yield UnsatisfiedPin(name, pin, tuple(component.model.spec.serving))


def switches(rollout: ModelRollout, version: str, repository: Repository) -> dict[str, str]:
    """Return the exclusive components that a rollback to ``version`` would switch.

    Each is given with the version that it is switched to.
    """
    return {
        pin.component: pin.pin for pin in unsatisfied_pins(rollout, version, repository) if _switchable(pin, repository)
    }


def unrestorable_pins(rollout: ModelRollout, version: str, repository: Repository) -> list[UnsatisfiedPin]:
    """Return the unsatisfied pins of a version that no switch of an exclusive component can satisfy."""
    return [pin for pin in unsatisfied_pins(rollout, version, repository) if not _switchable(pin, repository)]


def _switchable(pin: UnsatisfiedPin, repository: Repository) -> bool:
    component = repository.component(pin.component)
    return bool(component and component.model and component.model.spec.exclusive and not is_range(pin.pin))


def disagreements(rollout: ModelRollout, repository: Repository) -> dict[str, tuple[str, str]]:
    """Return the exclusive components that candidate and stable pin to different versions, with both pins."""
    split = traffic.split(rollout.spec)
    if split.candidate is None or len(split.versions) < 2:
        return {}
    records = [rollout.spec.versions.get(version) for version in (split.candidate, split.stable)]
    ours, theirs = ((record.requires or {}) if record else {} for record in records)
    conflicts: dict[str, tuple[str, str]] = {}
    for name in ours.keys() & theirs.keys():
        component = repository.component(name)
        exclusive = component is not None and component.model is not None and component.model.spec.exclusive
        if exclusive and not _can_agree(ours[name], theirs[name]):
            conflicts[name] = (ours[name], theirs[name])
    return dict(sorted(conflicts.items()))


def _can_agree(pin: str, other: str) -> bool:
    """Return whether one version may satisfy both pins. Two ranges may always agree."""
    if is_range(pin) and is_range(other):
        return True
    return satisfies(other, pin) if is_range(pin) else satisfies(pin, other)
