"""The aliases and tags of a registry, which follow the base. No version is deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rollout_spec.core.errors import UserError
from rollout_spec.core.registered import INCIDENT_TAG, QUARANTINED_TAG, ModelAddress
from rollout_spec.domain.registry_state import IncidentTags, NotSynced, WantedState, wanted_states
from rollout_spec.integrations.registries import ModelRegistry
from rollout_spec.spec.registry import RegistryAliases
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class RegistryChange:
    """A change of an alias or a tag. ``before`` and ``after`` are None if it is absent."""

    rollout: str
    subject: str
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        """The change in one line: ``champion of fraud: 41 -> 42``."""
        return f"{self.subject}: {self.before or 'none'} -> {self.after or 'none'}"


@dataclass
class Sync:
    """One synchronization.

    ``changes`` grow as they are made. ``left_out`` are the rollouts that were not touched. ``failure`` is the error of
    a registry that did not answer: later changes were not made.
    """

    changes: list[RegistryChange] = field(default_factory=list)
    left_out: list[NotSynced] = field(default_factory=list)
    failure: UserError | None = None

    @property
    def status(self) -> int:
        """The exit status."""
        return self.failure.status if self.failure is not None else int(bool(self.left_out))


@dataclass(frozen=True)
class _PlannedChange:
    change: RegistryChange
    apply: Callable[[], None]


def synchronize(
    repository: Repository,
    registry: ModelRegistry,
    aliases: RegistryAliases | None,
    *,
    is_dry_run: bool = False,
    on_rollout: Callable[[], None] = lambda: None,
) -> Sync:
    """Move the aliases of each rollout's model, and tag its failed versions. Only differences are written.

    ``on_rollout`` is called before each rollout.
    """
    sync, aliases = Sync(), aliases or RegistryAliases()
    try:
        for state in wanted_states(repository):
            on_rollout()
            if isinstance(state, NotSynced):
                sync.left_out.append(state)
                continue
            planned = _planned(state, registry, aliases)
            if isinstance(planned, NotSynced):
                sync.left_out.append(planned)
                continue
            for each in planned:
                if not is_dry_run:
                    each.apply()
                sync.changes.append(each.change)
    except UserError as error:
        sync.failure = error
    return sync


def _planned(state: WantedState, registry: ModelRegistry, aliases: RegistryAliases) -> list[_PlannedChange] | NotSynced:
    """Return the differences of a model, or the reason why it is not touched."""
    present = registry.aliases(state.model)
    if present is None:
        return NotSynced(state.rollout, f"the registry has no model {state.model}")
    changes: list[_PlannedChange] = []
    for address, tags in state.tags.items():
        entry = registry.entry(address)
        if entry is None:
            return NotSynced(state.rollout, f"the registry has no entry {address}, which failed")
        changes += _tag_changes(state.rollout, address, entry.tags, tags, registry)
    for alias, version in ((aliases.stable, state.stable), (aliases.candidate, state.candidate)):
        before = present.get(alias)
        if version is not None and version != before and registry.entry(ModelAddress(state.model, version)) is None:
            return NotSynced(state.rollout, f"the registry has no entry models:/{state.model}/{version}")
        if version != before:
            change = RegistryChange(state.rollout, f"{alias} of {state.model}", before, version)
            changes.append(_PlannedChange(change, _alias_setter(registry, state.model, alias, version)))
    return changes


def _tag_changes(
    rollout: str, address: ModelAddress, present: Mapping[str, str], tags: IncidentTags, registry: ModelRegistry
) -> Iterator[_PlannedChange]:
    wanted = {QUARANTINED_TAG: "true" if tags.is_quarantined else "false", INCIDENT_TAG: tags.incident}
    for name, value in wanted.items():
        before = present.get(name)
        if before != value:
            change = RegistryChange(rollout, f"{name} of {address}", before, value)
            yield _PlannedChange(change, _tag_setter(registry, address, name, value))


def _alias_setter(registry: ModelRegistry, model: str, alias: str, version: str | None) -> Callable[[], None]:
    if version is None:
        return lambda: registry.remove_alias(model, alias)
    return lambda: registry.set_alias(model, alias, version)


def _tag_setter(registry: ModelRegistry, address: ModelAddress, name: str, value: str) -> Callable[[], None]:
    return lambda: registry.set_tag(address, name, value)
