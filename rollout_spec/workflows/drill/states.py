"""From where a rollout stands, its steps lead to few states: the candidate in each stage, promoted, or gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.runner import check
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Report
from rollout_spec.core.yaml.entries import CannotEdit
from rollout_spec.domain import traffic
from rollout_spec.domain.dependents import dependents
from rollout_spec.domain.pins import disagreements, quarantined, switches
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.render.drift import compared
from rollout_spec.render.renderer import render
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workspace.edits import with_live, with_serving
from rollout_spec.workspace.repository import File, Repository

Reach = Literal["here", "next", "all"]
"""How far to look ahead: where a rollout stands, where its candidate comes to next too, or all that can be reached."""


@dataclass(frozen=True)
class State:
    """A state of a rollout in words, and the repository as it would be; ``why_not`` says why it cannot be yet.

    ``retired``: it is another state but for an entry of ``knownGood``, which is of no matter unless stable fails.
    """

    name: str
    repository: Repository
    here: bool = False
    why_not: str | None = None
    retired: bool = False


def states(file: File[ModelRollout], repository: Repository, reach: Reach) -> Iterator[State]:
    """Give the states that a rollout can reach, in the order of their steps; the one where it stands is among them.

    With no candidate in flight, each version that was recorded after stable may become one. With ``all``, from each
    state the known-good version to which a rollback goes is retired too: no other entry has a part in what comes of it.
    """
    found: list[State] = []
    for state in _by_steps(file, repository, reach):
        yield state
        found.append(state)
    for state in found if reach == "all" else ():
        if state.why_not is None:
            yield from _retired(file, state)


def _by_steps(file: File[ModelRollout], repository: Repository, reach: Reach) -> Iterator[State]:
    """Give the states to which the steps of a candidate lead."""
    rollout = file.model
    assert rollout is not None
    live = rollout.spec.live
    here = State(_name(live), repository, here=True)
    if reach == "here":
        yield here
        return
    found = _ahead(rollout, repository)
    if state_key(live) not in found:  # nothing is in flight
        yield here
    elif reach == "next":
        at = list(found).index(state_key(live))
        found = dict(list(found.items())[at : at + 2])
    if reach == "next" and live.candidate is None:
        return
    for each, (name, reached) in found.items():
        yield here if each == state_key(live) else _reached(name, reached, file, repository)


Key = tuple[str, str | None, str | None, tuple[str, ...]]


def state_key(live: Live) -> Key:
    """Return what tells two states of a rollout apart."""
    return live.stable, live.candidate, live.stage, tuple(live.known_good)


def _name(live: Live) -> str:
    if live.candidate is None:
        return f"{live.stable} stable"
    return f"{live.candidate} in {live.stage}" if live.stage else f"{live.candidate} proposed"


def _ahead(rollout: ModelRollout, repository: Repository) -> dict[Key, tuple[str, Live]]:
    """Return what ``live`` can become, in the order of the steps, each with its name."""
    spec, away = rollout.spec, quarantined(rollout, repository)
    stages = [stage.name for stage in spec.stages]
    found: dict[Key, tuple[str, Live]] = {}
    idle = spec.live if spec.live.candidate is None else traffic.withdraw(spec.live)
    for candidate in _candidates(rollout, away):
        live = traffic.propose(idle, candidate)
        found[state_key(live)] = (_name(live), live)
        for _ in stages:
            live = traffic.advance(live, stages, fixes=spec.live.fixes)
            found[state_key(live)] = (_name(live), live)
        live = traffic.promote(live, stages, away)
        found[state_key(live)] = (f"{candidate} promoted", live)
    if spec.live.candidate is not None:
        found[state_key(idle)] = (f"{spec.live.candidate} withdrawn", idle)
    return found


def _candidates(rollout: ModelRollout, away: Mapping[str, object]) -> list[str]:
    """Return the candidate, else the versions recorded after stable that may be proposed."""
    live, versions = rollout.spec.live, list(rollout.spec.versions)
    if live.candidate is not None:
        return [live.candidate]
    later = versions[versions.index(live.stable) + 1 :]
    return [version for version in later if version not in live.known_good and version not in away]


def _retired(file: File[ModelRollout], state: State) -> Iterator[State]:
    """Retire the version to which the next rollback of stable goes, where that is a step and stable takes requests."""
    rollout, own = _model(file, state.repository), state.repository.rollout(file.stem)
    live, ways = rollout.spec.live, rollback_targets(rollout, state.repository)
    if own is not None and len(ways) > 1 and live.stable in traffic.split(rollout.spec).versions:
        after = traffic.retire(live, ways[0], ways)
        found = _reached(f"{state.name}, {ways[0]} retired", after, own, state.repository, state.repository)
        yield replace(found, retired=True)


def _reached(
    name: str, live: Live, file: File[ModelRollout], repository: Repository, base: Repository | None = None
) -> State:
    """Lay the edits of the steps over the tree, as people would commit them; say what their check would refuse.

    ``base`` is where the last step is taken from, where it is one step.
    """
    try:
        after, touched = _entered(live, file, repository)
    except CannotEdit as error:
        return State(name, repository, why_not=f"{file.path}: {error.message}")
    except UserError as error:
        return State(name, repository, why_not=error.message)
    paths = [path for path in touched if repository.tree.read(path) is not None]
    later = check(after, paths=paths, base=base)
    earlier = check(repository, paths=paths) if later.failed else Report(())
    brought = introduced(earlier, later)
    return State(name, after, why_not=f"{brought[0].message} [{brought[0].name}]" if brought else None)


def _entered(live: Live, file: File[ModelRollout], repository: Repository) -> tuple[Repository, list[str]]:
    """Return the repository with another ``live`` and its manifests, and the documents that this is a matter of.

    Where all who take requests then agree on another version of an exclusive component, the same commit switches it.
    """
    edits: dict[str, bytes | None] = {file.path: with_live(file.content, live)}
    after = repository.edited(edits)
    touched = [file.path]
    for component, wanted in _switched(_model(file, after), after).items():
        found = repository.component(component)
        assert found is not None
        edits[found.path] = with_serving(found.content, [wanted])
        pinning = (f"rollouts/{each.rollout}.yaml" for each in dependents(component, repository).pins)
        touched += (path for path in dict.fromkeys((found.path, *pinning)) if path not in touched)
    after = repository.edited(edits)
    manifests = render(_model(file, after), after)
    edits |= {each.path: each.wanted for each in compared(file.stem, manifests, after)}
    return repository.edited(edits), touched


def _switched(rollout: ModelRollout, repository: Repository) -> dict[str, str]:
    apart = disagreements(rollout, repository)
    needed = (switches(rollout, version, repository) for version in traffic.split(rollout.spec).versions)
    return {name: wanted for each in needed for name, wanted in each.items() if name not in apart}


def _model(file: File[ModelRollout], repository: Repository) -> ModelRollout:
    """Read a rollout again. UserError if what was edited does not load: its ``live`` contradicts itself."""
    found = repository.rollout(file.stem)
    if found is None or found.model is None:
        said = found.problems[0].message if found and found.problems else f"{file.path} would not load"
        raise UserError(said)
    return found.model
