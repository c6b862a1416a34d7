"""The targets and the metric profile of a new rollout, taken from the rollouts that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.spec.rollout import ModelRollout, Target
from rollout_spec.workspace.repository import Repository

ROUTE = "gateway-api"
_DEFAULTS = {"workloads": "kserve", "traffic": ROUTE, "alerts": "prometheus-operator"}
"""The target for each aspect if there is no rollout yet."""
_MOST_READ = 50
"""The number of rollouts that are read."""


def default_targets(namespace: str | None, repository: Repository) -> list[dict[str, Any]] | str:
    """Return the targets for a new rollout, or the reason why they are not known.

    They have the types that the other rollouts share, and their gateway. Other options belong to one model.
    """
    rollouts = list(_rollouts(repository))
    if not rollouts:
        return "there is no other rollout here"
    targets: list[dict[str, Any]] = []
    for aspect, default in _DEFAULTS.items():
        used = {tuple(target.type for target in _owning(aspect, rollout, repository)) for rollout in rollouts}
        types = used.pop() if len(used) == 1 else (default,)
        if aspect == "traffic" and used:
            return "the rollouts here split their traffic with different targets"
        if aspect == "traffic" and not types:
            return "no rollout here has a target that splits traffic"
        targets += ({"type": name} for name in types)
    if not any(target["type"] == ROUTE for target in targets):
        return targets
    gateway = _gateway(rollouts, namespace)
    if isinstance(gateway, str):
        return gateway
    return [{**target, "gateway": dict(gateway)} if target["type"] == ROUTE else target for target in targets]


def default_profile(repository: Repository) -> str | None:
    """Return the metric profile that all rollouts share; None if they share none.

    Alerts that read metrics of another stack would never fire.
    """
    profiles = {rollout.spec.service.metrics for rollout in _rollouts(repository)}
    return profiles.pop() if len(profiles) == 1 else None


def _rollouts(repository: Repository) -> Iterator[ModelRollout]:
    for name in repository.names("rollouts")[:_MOST_READ]:
        file = repository.rollout(name)
        if file is not None and file.model is not None:
            yield file.model


def _owning(aspect: str, rollout: ModelRollout, repository: Repository) -> Iterator[Target]:
    """Yield the targets of a rollout that control an aspect."""
    for target in rollout.spec.targets:
        definition = catalog.find(target.type, repository.tree)
        if definition is not None and definition.owns == aspect:
            yield target


def _gateway(rollouts: list[ModelRollout], namespace: str | None) -> Mapping[str, Any] | str:
    """Return the gateway that all rollouts share, or the reason why there is none.

    A gateway without a namespace is in the namespace of its rollout.
    """
    gateways: list[Any] = []
    for rollout in rollouts:
        own = rollout.metadata.namespace
        default = {} if own == namespace else {"namespace": own or "default"}
        options = (target.options.get("gateway") for target in rollout.spec.targets if target.type == ROUTE)
        gateways += [{**default, **option} if isinstance(option, Mapping) else option for option in options]
    first = gateways[0] if gateways else None
    if not isinstance(first, Mapping):
        return "no rollout here has a gateway"
    if any(gateway != first for gateway in gateways):
        return "the rollouts here have several gateways"
    return first
