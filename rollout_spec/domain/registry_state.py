"""The aliases and tags that a registry should have: they follow the live versions and the incidents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout_spec.core.registered import ModelAddress, parse_address
from rollout_spec.core.text import excerpt
from rollout_spec.domain.incidents import readings
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout

_ADDRESS = re.compile(r"models:/[^/:@\x00-\x1f]{1,256}/[0-9]{1,18}")


@dataclass(frozen=True)
class IncidentTags:
    """The tags of a version with an incident.

    ``is_quarantined`` is false once all its incidents are cleared.
    """

    is_quarantined: bool
    incident: str


@dataclass(frozen=True)
class WantedState:
    """The versions that the aliases of a model should name, and the tags of its failed versions."""

    rollout: str
    model: str
    stable: str
    candidate: str | None
    tags: Mapping[ModelAddress, IncidentTags] = field(default_factory=dict)


@dataclass(frozen=True)
class NotSynced:
    """A rollout whose aliases are not touched, with the reason."""

    rollout: str
    reason: str


def wanted_states(repository: Repository) -> list[WantedState | NotSynced]:
    """Return the wanted state of each rollout with entries of a registry, in the order of their names.

    Two rollouts that name one model are both left out: each would move the aliases of the other.
    """
    states: list[WantedState | NotSynced] = []
    for name in repository.names("rollouts"):
        file = repository.rollout(name)
        if file is None or file.model is None:
            states.append(NotSynced(name, f"rollouts/{name}.yaml does not load"))
            continue
        states += _of_rollout(file.model, repository)
    users: dict[str, list[str]] = {}
    for name, models in _models(repository).items():
        for model in models:
            users.setdefault(model, []).append(name)
    return [_alone(state, users) for state in states]


def _alone(state: WantedState | NotSynced, users: Mapping[str, list[str]]) -> WantedState | NotSynced:
    if isinstance(state, NotSynced):
        return state
    named = {state.model, *(address.name for address in state.tags)}
    for model in sorted(named):
        others = [name for name in users.get(model, ()) if name != state.rollout]
        if others:
            also = ", ".join(others[:3])
            return NotSynced(state.rollout, f"the model {excerpt(model)} is also that of {also}")
    return state


def _models(repository: Repository) -> dict[str, set[str]]:
    """Return the models that the records of each rollout name.

    A file that does not load is searched for them.
    """
    models: dict[str, set[str]] = {}
    for name in repository.names("rollouts"):
        file = repository.rollout(name)
        if file is None:
            continue
        if file.model is not None:
            texts = [record.model or "" for record in file.model.spec.versions.values()]
        else:
            texts = _ADDRESS.findall(file.content.decode("utf-8", "replace"))
        addresses = (parse_address(text) for text in texts)
        models[name] = {address.name for address in addresses if isinstance(address, ModelAddress)}
    return models


def _of_rollout(rollout: ModelRollout, repository: Repository) -> Iterator[WantedState | NotSynced]:
    name, live = rollout.metadata.name, rollout.spec.live
    entries = {version: _entry(rollout, version) for version in rollout.spec.versions}
    stable, candidate = entries.get(live.stable), entries.get(live.candidate or "")
    if stable is None:
        if any(entries.values()):
            yield NotSynced(name, f"the record of {live.stable} names no entry `models:/NAME/VERSION`")
        return
    if live.candidate is not None and candidate is None:
        yield NotSynced(name, f"the record of {live.candidate} names no entry `models:/NAME/VERSION`")
        return
    if candidate is not None and candidate.name != stable.name:
        models = f"{excerpt(stable.name)} and {excerpt(candidate.name)}"
        yield NotSynced(name, f"{live.stable} and {live.candidate} are of different models: {models}")
        return
    assert stable.version is not None
    yield WantedState(
        name, stable.name, stable.version, candidate.version if candidate else None, _tags(rollout, repository, entries)
    )


def _entry(rollout: ModelRollout, version: str) -> ModelAddress | None:
    address = parse_address(rollout.spec.versions[version].model or "")
    return address if isinstance(address, ModelAddress) and address.version is not None else None


def _tags(
    rollout: ModelRollout, repository: Repository, entries: Mapping[str, ModelAddress | None]
) -> dict[ModelAddress, IncidentTags]:
    """Return the tags of the versions with an incident.

    A quarantine comes before an incident that is cleared.
    """
    tags: dict[str, IncidentTags] = {}
    for reading in readings(rollout, repository):
        if not reading.quarantines:
            tags[reading.version] = IncidentTags(False, reading.file.stem)
    for version, quarantine in quarantined(rollout, repository).items():
        tags[version] = IncidentTags(True, quarantine.file.stem)
    return {address: each for version, each in tags.items() if (address := entries.get(version)) is not None}
