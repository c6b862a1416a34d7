"""The claims of rollouts on hosts: the targets that route the requests of a host, by gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout_spec.core.errors import UserError
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.domain.targets.limits import DEFAULT_NAMESPACE
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout

_KEY = rb"""host(?<!\whost)["']?[ \t]*:"""  # a search for `host` is faster than one for the beginning of a word
_HOST = _KEY + rb"""\s*["']?([a-z0-9*.-]+)"""


class HostClaim(NamedTuple):
    """A host that a target claims at a gateway, or in a namespace.

    ``section`` is one listener of the gateway.
    """

    host: str
    target: str
    place: str
    section: str | None


def claims(name: str, repository: Repository) -> Iterator[HostClaim]:
    """Yield the claim of each target of a rollout that owns the traffic."""
    rollout = _rollout(name, repository)
    for target in rollout.spec.targets if rollout else ():
        if rollout is None or not _owns_traffic(target.type, repository):
            continue
        gateway: Any = target.options.get("gateway")
        namespace = rollout.metadata.namespace or DEFAULT_NAMESPACE
        place, section = f"in the namespace {namespace}", None
        if isinstance(gateway, dict):
            place = f"at the gateway {gateway.get('namespace') or namespace}/{gateway.get('name')}"
            section = str(gateway["sectionName"]) if gateway.get("sectionName") else None
        elif gateway is not None:
            place = f"at the gateway {gateway} {place}"
        yield HostClaim(rollout.spec.service.host, target.type, place, section)


def rollouts_by_host(repository: Repository) -> Mapping[str, list[str]]:
    """Return the rollouts by the hosts that their texts may contain."""
    rollouts: dict[str, list[str]] = {}
    for name in repository.names("rollouts"):
        for host in written_hosts(name, repository):
            rollouts.setdefault(host, []).append(name)
    return rollouts


def written_hosts(name: str, repository: Repository) -> set[str]:
    """Return the hosts that the text of a rollout may contain. It is parsed unless it shows them all."""
    text = repository.tree.read(f"rollouts/{name}.yaml") or b""
    hosts = re.findall(_HOST, text)
    if hosts and len(hosts) == len(re.findall(_KEY, text)) and b"\\" not in text:
        return {host.decode() for host in hosts}
    rollout = _rollout(name, repository)  # the host may be escaped, in a block, or behind a comment
    return {rollout.spec.service.host} if rollout else set()


def _rollout(name: str, repository: Repository) -> ModelRollout | None:
    file = repository.rollout(name)
    return file.model if file else None


def _owns_traffic(target: str, repository: Repository) -> bool:
    try:
        definition = catalog.find(target, repository.tree)
    except UserError:
        return False  # references-exist reports it
    return definition is not None and definition.owns == "traffic"
