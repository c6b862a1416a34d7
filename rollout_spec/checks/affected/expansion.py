"""The files that depend on the changes of a workspace.

What is read to check a file, in addition to the file itself:

- a rollout: the workspace, its packs, the components that it pins with their contracts, its targets' templates, the
  incidents about it here and in ``incidentsFrom``, the same rollout in ``after``, its manifests, rollouts whose objects
  may have the names of its own, and, if a policy counts candidates, all rollouts. The drill of a rollout with an
  exclusive component also reads all rollouts that pin it.
- an incident: its rollout.
- a component that changed, or that has contracts: the rollouts that pin it.
- the workspace: everything. It is always examined, but compares all hosts only if one changed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Set

from rollout_spec.checks.affected.changes import Changes, UndecidableError
from rollout_spec.checks.policies import counts_differ
from rollout_spec.checks.selection import Selection
from rollout_spec.domain.dependents import pins_of, rollouts_naming
from rollout_spec.domain.host_claims import claims, rollouts_by_host, written_hosts
from rollout_spec.domain.incident_files import files_about
from rollout_spec.workspace.repository import Repository


def expanded(changes: Changes, repository: Repository, base: Repository) -> Selection:
    """Return the files to examine. UndecidableError if a policy makes all rollouts depend on a change."""
    if counts_differ(changes.rollouts, base, repository):
        raise UndecidableError
    sides = (repository, base)
    rerouted = changes.rollouts | {*rollouts_naming(changes.targets, repository)}
    sharing = _sharing_hosts(rerouted, repository, base)
    rollouts = rerouted | changes.touched | (sharing or set()) | {*rollouts_naming(changes.components, repository)}
    for name in changes.rollouts:
        rollouts |= {*repository.names_from("rollouts", f"{name}-v")}
    exclusive = {name for side in sides for name in _pinned(rollouts, side) if _is_exclusive(name, sides)}
    rollouts |= {*rollouts_naming(exclusive, repository)}
    known = {*repository.names("rollouts")}
    components = changes.components | {*_with_other_dependents(rollouts, repository, base)}
    documents = changes.documents | {f"components/{name}.yaml" for name in components}
    documents |= {f"rollouts/{name}.yaml" for name in rollouts & known}
    documents |= {file.path for name in rollouts for file in files_about(name, repository)}
    hosts_settled = sharing is None and not any(_mention_owners(rollouts, side) for side in sides)
    settled = (("hosts", hosts_settled), ("workspaces", not changes.has_other_names))
    return Selection(documents, changes.paths, frozenset(name for name, is_settled in settled if is_settled))


def _sharing_hosts(changed: Collection[str], repository: Repository, base: Repository) -> set[str] | None:
    """Return the rollouts that may share a host with a changed one, before or after.

    None if no claim changed.
    """
    before, after = ({name: _host_facts(name, side) for name in changed} for side in (base, repository))
    if before == after:
        return None
    hosts = {host for facts in (before, after) for written, _ in facts.values() for host in written}
    by_host = rollouts_by_host(repository)
    return {name for host in hosts for name in by_host.get(host, ())}


def _host_facts(name: str, repository: Repository) -> tuple[frozenset[str], tuple[object, ...]]:
    return frozenset(written_hosts(name, repository)), tuple(claims(name, repository))


def _mention_owners(rollouts: Set[str], repository: Repository) -> bool:
    """Return whether a comment may silence a finding about hosts.

    It must not seem unused, and what it silenced before must be found.
    """
    known = rollouts & {*repository.names("rollouts")}
    contents = (repository.tree.read(f"rollouts/{name}.yaml") or b"" for name in known)
    return any(b"one-owner" in content for content in contents)


def _pinned(rollouts: Collection[str], repository: Repository) -> Iterator[str]:
    """Yield the components that some rollouts pin, or may pin if they do not load."""
    for name in rollouts:
        file = repository.rollout(name)
        if file is not None and file.model is not None:
            yield from file.model.spec.component_names
        elif file is not None:
            names, content = repository.names("components"), file.content
            yield from (each for each in names if os.fsencode(each) in content or b"\\" in content)


def _is_exclusive(name: str, sides: Collection[Repository]) -> bool:
    """Return whether a component is exclusive, before or after, or may be because it does not load."""
    files = [side.component(name) for side in sides]
    return any(file is not None and (file.model is None or file.model.spec.exclusive) for file in files)


def _with_other_dependents(rollouts: Collection[str], repository: Repository, base: Repository) -> Iterator[str]:
    """Yield the components with contracts of which these rollouts need other versions than on the base."""
    sides = (repository, base)
    named = {name for side in sides for name in _pinned(rollouts, side)}
    contracts = {name for name in named if any(_has_contract(name, side) for side in sides)}
    for name in rollouts if contracts else ():
        files = [side.rollout(name) for side in sides]
        models = [file.model if file else None for file in files]
        if None in models:
            yield from contracts & {each for side in sides for each in _pinned([name], side)}
            continue
        after, before = (pins_of(model, side) if model else {} for model, side in zip(models, sides, strict=True))
        yield from (each for each in contracts if after.get(each) != before.get(each))


def _has_contract(name: str, repository: Repository) -> bool:
    file = repository.component(name)
    return file is not None and (file.model is None or file.model.spec.contract is not None)
