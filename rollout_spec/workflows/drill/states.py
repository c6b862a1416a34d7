"""The states that a rollout can reach by its steps.

The candidate is in one of the stages, promoted, or withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.runner import CheckOptions, check
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Report
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.domain import traffic, transitions
from rollout_spec.domain.dependents import dependents
from rollout_spec.domain.pins import disagreements, switches
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.render.drift import find_drift
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workspace.edits import with_live, with_serving
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

Reach = Literal["here", "next", "all"]
"""The states to drill: the present one, also the candidate's next one, or all reachable ones."""


@dataclass(frozen=True)
class State:
    """A state of a rollout: its name, and the repository in that state.

    ``why_not``: why it is unreachable. ``retired``: the state differs from another one only by an entry of
    ``knownGood``, which matters only if stable fails.
    """

    name: str
    repository: Repository
    here: bool = False
    why_not: str | None = None
    retired: bool = False


def states(file: File[ModelRollout], repository: Repository, reach: Reach) -> Iterator[State]:
    """Yield the reachable states of a rollout in the order of their steps, the present one included.

    Without a candidate, each version recorded after stable may become one. With ``all``, the rollback target of each
    state is also retired; no other entry of ``knownGood`` affects the outcome.
    """
    found: list[State] = []
    for state in _by_steps(file, repository, reach):
        yield state
        found.append(state)
    for state in found if reach == "all" else ():
        if state.why_not is None:
            yield from _retired(file, state)


def _by_steps(file: File[ModelRollout], repository: Repository, reach: Reach) -> Iterator[State]:
    """Yield the states that a candidate's steps lead to."""
    rollout = file.model
    assert rollout is not None
    live = rollout.spec.live
    here = State(_name(live), repository, here=True)
    if reach == "here":
        yield here
        return
    reachable = _ahead(rollout, repository)
    if state_key(live) not in reachable:  # there is no candidate
        yield here
    elif reach == "next":
        index = list(reachable).index(state_key(live))
        reachable = dict(list(reachable.items())[index : index + 2])
    if reach == "next" and live.candidate is None:
        return
    for each, (name, reached) in reachable.items():
        yield here if each == state_key(live) else _reached(name, reached, file, repository)


Key = tuple[str, str | None, str | None, tuple[str, ...]]


def state_key(live: Live) -> Key:
    """Return the key that distinguishes two states of a rollout."""
    return live.stable, live.candidate, live.stage, tuple(live.known_good)


def _name(live: Live) -> str:
    if live.candidate is None:
        return f"{live.stable} stable"
    return f"{live.candidate} in {live.stage}" if live.stage else f"{live.candidate} proposed"


def _ahead(rollout: ModelRollout, repository: Repository) -> dict[Key, tuple[str, Live]]:
    """Return the reachable values of ``live`` in the order of the steps, each with its name."""
    spec, quarantines = rollout.spec, quarantined(rollout, repository)
    stages = [stage.name for stage in spec.stages]
    reachable: dict[Key, tuple[str, Live]] = {}
    idle = spec.live if spec.live.candidate is None else transitions.withdraw(spec.live)
    for candidate in _candidates(rollout, quarantines):
        live = transitions.propose(idle, candidate)
        reachable[state_key(live)] = (_name(live), live)
        for _ in stages:
            live = transitions.advance(live, stages, fixes=spec.live.fixes)
            reachable[state_key(live)] = (_name(live), live)
        live = transitions.promote(live, stages, quarantines)
        reachable[state_key(live)] = (f"{candidate} promoted", live)
    if spec.live.candidate is not None:
        reachable[state_key(idle)] = (f"{spec.live.candidate} withdrawn", idle)
    return reachable


def _candidates(rollout: ModelRollout, quarantines: Mapping[str, object]) -> list[str]:
    """Return the candidate, or the versions recorded after stable that may be proposed."""
    live, versions = rollout.spec.live, list(rollout.spec.versions)
    if live.candidate is not None:
        return [live.candidate]
    later = versions[versions.index(live.stable) + 1 :]
    return [version for version in later if version not in live.known_good and version not in quarantines]


def _retired(file: File[ModelRollout], state: State) -> Iterator[State]:
    """Yield the state with the rollback target of stable retired.

    There is none unless that is a step and stable has traffic.
    """
    rollout, own = _model(file, state.repository), state.repository.rollout(file.stem)
    live, targets = rollout.spec.live, rollback_targets(rollout, state.repository)
    if own is not None and len(targets) > 1 and live.stable in traffic.split(rollout.spec).versions:
        after = transitions.retire(live, targets[0], targets)
        found = _reached(f"{state.name}, {targets[0]} retired", after, own, state.repository, state.repository)
        yield replace(found, retired=True)


def _reached(
    name: str, live: Live, file: File[ModelRollout], repository: Repository, base: Repository | None = None
) -> State:
    """Return the state after the edits of the steps, with the first error that their check reports.

    ``base`` is the repository before the last step, if there is only one.
    """
    try:
        after, touched = _entered(live, file, repository)
    except CannotEditError as error:
        return State(name, repository, why_not=f"{file.path}: {error.message}")
    except UserError as error:
        return State(name, repository, why_not=error.message)
    paths = [path for path in touched if repository.content(path) is not None]
    errors = CheckOptions(errors_only=True)
    later = check(after, paths=paths, base=base, options=errors)
    earlier = check(repository, paths=paths, options=errors) if later.failed else Report(())
    new = introduced(earlier, later)
    return State(name, after, why_not=f"{new[0].message} [{new[0].name}]" if new else None)


def _entered(live: Live, file: File[ModelRollout], repository: Repository) -> tuple[Repository, list[str]]:
    """Return the repository with another ``live`` and its manifests, and the affected documents.

    If all versions with traffic then agree on another version of an exclusive component, the same commit switches it.
    """
    edits: dict[str, bytes | None] = {file.path: with_live(file.content, live)}
    after = repository.edited(edits)
    touched = [file.path]
    for component, wanted in _switched(_model(file, after), after).items():
        component_file = repository.component(component)
        assert component_file is not None
        edits[component_file.path] = with_serving(component_file.content, [wanted])
        pinning = (f"rollouts/{each.rollout}.yaml" for each in dependents(component, repository).pins)
        touched += (path for path in dict.fromkeys((component_file.path, *pinning)) if path not in touched)
    after = repository.edited(edits)
    edited = after.rollout(file.stem)
    assert edited is not None
    edits |= {each.path: each.wanted for each in find_drift(edited, after)}
    return repository.edited(edits), touched


def _switched(rollout: ModelRollout, repository: Repository) -> dict[str, str]:
    conflicting = disagreements(rollout, repository)
    needed = (switches(rollout, version, repository) for version in traffic.split(rollout.spec).versions)
    return {name: wanted for each in needed for name, wanted in each.items() if name not in conflicting}


def _model(file: File[ModelRollout], repository: Repository) -> ModelRollout:
    """Return the model of an edited rollout. UserError if it does not load."""
    edited = repository.rollout(file.stem)
    if edited is None or edited.model is None:
        message = edited.problems[0].message if edited and edited.problems else f"{file.path} would not load"
        raise UserError(message)
    return edited.model
