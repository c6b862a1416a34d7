"""The way back is recorded: ``stable`` when the candidate failed, the first eligible known-good one when stable did."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from rollout_spec import traffic
from rollout_spec.breach import Breach
from rollout_spec.eligibility import quarantined, twins
from rollout_spec.errors import UserError
from rollout_spec.known_good import doubt, eligible, obstacles
from rollout_spec.repository import File, Repository
from rollout_spec.rollback import incident as incidents
from rollout_spec.rollback.severity import for_a_person
from rollout_spec.rollback.stack import Switch, edits_of, stands, switched
from rollout_spec.rollback.undone import Undone
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.problems import did_you_mean
from rollout_spec.spec.rollout import Live, ModelRollout, RolloutSpec
from rollout_spec.targets.manifests import compared
from rollout_spec.targets.render import render
from rollout_spec.units import label


@dataclass(frozen=True)
class Nothing:
    """A breach that changes nothing, and why; ``guard`` names what keeps it from that."""

    why: str
    guard: Literal["traffic", "one-action"] = "traffic"


@dataclass(frozen=True)
class NoWayBack:
    """A breach of stable with no version to go back to; each version that was passed over, with the reason.

    ``edits`` write the incident, and nothing else; there are none where one that says the same is open already.
    """

    workspace: str
    rollout: str
    failed: str
    breach: Breach
    passed_over: tuple[tuple[str, str], ...]
    incident: str
    branch: str
    edits: Mapping[str, bytes | None]


@dataclass(frozen=True)
class Rollback:
    """What a rollback does: ``edits`` by their paths in the workspace, ``for_a_person`` why it is left a draft.

    ``merge`` is what the rollout says of it; ``switches`` are the exclusive components of which the restored version
    needs another version than is up.
    """

    workspace: str
    rollout: str
    failed: str
    restored: str
    moment: str
    breach: Breach
    incident: str
    branch: str
    edits: Mapping[str, bytes | None]
    undone: Undone
    before: traffic.Split
    after: traffic.Split
    passed_over: tuple[tuple[str, str], ...]
    withdrawn: str | None
    switches: tuple[Switch, ...]
    unchanged: bool
    for_a_person: tuple[Reason, ...]
    merge: Literal["auto", "review"]


def failed_version(spec: RolloutSpec, breach: Breach) -> str:
    """Return the version that failed: the candidate, else stable, where a person named the rollout alone."""
    return breach.version if breach.version is not None else spec.live.candidate or spec.live.stable


def roll_back(repository: Repository, breach: Breach, undone: Undone | None = None) -> Rollback | NoWayBack | Nothing:
    """Decide what a breach leads to. UserError where its rollout or version is unknown, or does not load.

    Source of each outcome: the table of steps in the documentation of ``live`` (docs/lifecycle.md).
    """
    file = _rollout(repository, breach.rollout)
    rollout = file.model
    assert rollout is not None
    failed = failed_version(rollout.spec, breach)
    if failed not in rollout.spec.versions:
        raise UserError(
            f"rollout {file.stem} has no version `{failed}`", hint=did_you_mean(failed, rollout.spec.versions)
        )
    if failed not in traffic.split(rollout.spec).versions:
        return _idle(rollout, failed, repository)
    passed_over: tuple[tuple[str, str], ...] = ()
    live = rollout.spec.live
    if failed == live.stable:
        away = twins(rollout, failed)  # the incident will quarantine them too
        target = next((version for version in eligible(rollout, repository) if version not in away), None)
        passed_over = tuple(_passed_over(rollout, target, away, repository))
        if target is None:
            return _stuck(repository, rollout, breach, failed, passed_over, undone or Undone())
        restored, after = target, traffic.roll_back_stable(live, target)
    else:
        restored, after = live.stable, traffic.withdraw(live)
    return _made(repository, file, breach, failed, restored, after, passed_over, undone or Undone())


def _rollout(repository: Repository, name: str) -> File[ModelRollout]:
    file = repository.rollout(name)
    if file is None:
        raise UserError(f"there is no rollout `{name}` here", hint=did_you_mean(name, repository.names("rollouts")))
    if file.model is None:
        raise UserError(f"{file.path} does not load", hint=f"`rollout-spec check {file.path}` says why")
    return file


def _idle(rollout: ModelRollout, version: str, repository: Repository) -> Nothing:
    """Say why there is nothing to take back."""
    incident = quarantined(rollout, repository).get(version)
    words = f"{rollout.metadata.name} {version} has neither traffic nor mirror, so nothing is to be taken back"
    if incident is not None:
        return Nothing(f"{words}; {incident.words} quarantines it already", "one-action")
    live = rollout.spec.live
    if version == live.candidate:
        words += f"; it is a candidate in {live.stage or 'no stage'}, and {live.stable} answers all requests"
    return Nothing(words)


def _passed_over(
    rollout: ModelRollout, target: str | None, same: Collection[str], repository: Repository
) -> Iterator[tuple[str, str]]:
    """Say of each known-good version before the chosen one why it was not chosen."""
    before = list(takewhile(lambda version: version != target, rollout.spec.live.known_good))
    against = obstacles(rollout, repository) if before else {}
    for version in before:
        if version in against:
            yield version, against[version]
        elif version in same:
            yield version, "it has the bytes of the version that failed"
        elif (refusal := doubt(rollout, version, repository)) is not None:
            yield version, refusal.words


def _stuck(
    repository: Repository,
    rollout: ModelRollout,
    breach: Breach,
    failed: str,
    passed_over: tuple[tuple[str, str], ...],
    undone: Undone,
) -> NoWayBack:
    """Write the incident alone: what failed serves on until something replaces it."""
    own = rollout.metadata.name
    known = incidents.open_without_way_back(own, failed, repository)
    name, count = (known, 1) if known else incidents.next_name(own, failed, repository)
    branch = f"incident/{repository.workspace_name}/{own}/{label(failed)}{f'-{count}' if count > 1 else ''}"
    edits: dict[str, bytes | None] = {}
    if known is None:
        text = incidents.write(name, breach, rollout, failed, None, traffic.PROMOTED, replace(undone, steps=()))
        edits[f"incidents/{name}.yaml"] = text.encode()
        after = repository.edited(edits)
        edits |= {each.path: each.wanted for each in compared(own, render(rollout, after), after)}
    return NoWayBack(repository.workspace_name, own, failed, breach, passed_over, name, branch, edits)


def _made(
    repository: Repository,
    file: File[ModelRollout],
    breach: Breach,
    failed: str,
    restored: str,
    live: Live,
    passed_over: tuple[tuple[str, str], ...],
    undone: Undone,
) -> Rollback:
    """Make the edits: ``live``, the incident, a switched component, and the manifests of all that."""
    rollout = file.model
    assert rollout is not None
    name, count = incidents.next_name(file.stem, failed, repository)
    moment = traffic.moment_of(rollout.spec, failed) or ""
    switches = switched(rollout, restored, repository)
    edits = edits_of(file, live, switches, repository)
    edits[f"incidents/{name}.yaml"] = incidents.write(name, breach, rollout, failed, restored, moment, undone).encode()
    after = repository.edited(edits)
    result = after.rollout(file.stem)
    assert result is not None and result.model is not None
    manifests = render(result.model, after)
    edits |= {each.path: each.wanted for each in compared(file.stem, manifests, after)}
    unchanged = stands(manifests, restored, repository)
    reasons = for_a_person(rollout, breach, failed, moment, undone)
    if not unchanged:
        reasons.append(Reason("workload", f"the manifests of {restored} are not byte for byte what runs now"))
    if (refusal := doubt(rollout, restored, repository)) is not None:
        reasons.append(Reason("contract", f"{restored} {refusal.summary}"))
    reasons += [each.reason for each in switches if each.reason]
    number = f"-{count}" if count > 1 else ""
    return Rollback(
        workspace=repository.workspace_name,
        rollout=file.stem,
        failed=failed,
        restored=restored,
        moment=moment,
        breach=breach,
        incident=name,
        branch=f"rollback/{repository.workspace_name}/{file.stem}/{label(failed)}{number}",
        edits=edits,
        undone=undone,
        before=traffic.split(rollout.spec),
        after=traffic.split(result.model.spec),
        passed_over=passed_over,
        withdrawn=rollout.spec.live.candidate if failed == rollout.spec.live.stable else None,
        switches=switches,
        unchanged=unchanged,
        for_a_person=tuple(reasons),
        merge=rollout.spec.rollback.merge,
    )
