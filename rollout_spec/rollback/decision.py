"""The way back is recorded: ``stable`` when the candidate failed, the first eligible known-good one when stable did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rollout_spec import traffic
from rollout_spec.breach import Breach
from rollout_spec.edits import with_live, with_serving
from rollout_spec.eligibility import eligible, lost, quarantined, switches, twins
from rollout_spec.errors import UserError
from rollout_spec.repository import File, Repository
from rollout_spec.rollback import incident as incidents
from rollout_spec.rollback.severity import for_a_person
from rollout_spec.rollback.undone import Undone
from rollout_spec.spec.component import Component
from rollout_spec.spec.problems import did_you_mean
from rollout_spec.spec.rollout import Live, ModelRollout, RolloutSpec
from rollout_spec.spec.workspace import Automation
from rollout_spec.splice import CannotEdit
from rollout_spec.targets.manifests import compared
from rollout_spec.targets.render import Manifest, render
from rollout_spec.units import label


@dataclass(frozen=True)
class Nothing:
    """A breach that changes nothing, and why."""

    why: str


@dataclass(frozen=True)
class NoWayBack:
    """A breach of stable with no version to go back to; each version that was passed over, with the reason."""

    rollout: str
    failed: str
    passed_over: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rollback:
    """What a rollback does: ``edits`` by their paths in the workspace, ``for_a_person`` why it is left a draft."""

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
    switched: Mapping[str, tuple[str, str]]
    unchanged: bool
    for_a_person: tuple[str, ...]
    arm: bool


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
        return Nothing(_idle(rollout, failed, repository))
    passed_over: tuple[tuple[str, str], ...] = ()
    live = rollout.spec.live
    if failed == live.stable:
        away = twins(rollout, failed)  # the incident will quarantine them too
        target = next((version for version in eligible(rollout, repository) if version not in away), None)
        passed_over = _passed_over(rollout, target, away, repository)
        if target is None:
            return NoWayBack(file.stem, failed, passed_over)
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


def _idle(rollout: ModelRollout, version: str, repository: Repository) -> str:
    """Say why there is nothing to take back."""
    incident = quarantined(rollout, repository).get(version)
    words = f"{rollout.metadata.name} {version} has neither traffic nor mirror, so nothing is to be taken back"
    if incident is not None:
        return f"{words}; {incident.words} quarantines it already"
    live = rollout.spec.live
    if version == live.candidate:
        return f"{words}; it is a candidate in {live.stage or 'no stage'}, and {live.stable} answers all requests"
    return words


def _passed_over(
    rollout: ModelRollout, target: str | None, same: Collection[str], repository: Repository
) -> tuple[tuple[str, str], ...]:
    """Say of each known-good version before the chosen one why it was not chosen."""
    away = quarantined(rollout, repository)
    found = []
    for version in rollout.spec.live.known_good:
        if version == target:
            break
        if version in away:
            reason = f"quarantined by {away[version].words}"
        elif version in same:
            reason = "it has the bytes of the version that failed"
        else:
            reason = (
                ", ".join(f"{pin.component} {pin.pin} is not up" for pin in lost(rollout, version, repository))
                or "it is not recorded"
            )
        found.append((version, reason))
    return tuple(found)


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
    switched = _switched(rollout, restored, repository)
    edits = _edits(file, live, switched)
    edits[f"incidents/{name}.yaml"] = incidents.write(name, breach, rollout, failed, restored, moment, undone).encode()
    after = repository.edited(edits)
    result = after.rollout(file.stem)
    assert result is not None and result.model is not None
    manifests = render(result.model, after)
    edits |= {each.path: each.wanted for each in compared(file.stem, manifests, after)}
    unchanged = _unchanged(manifests, restored, repository)
    reasons = for_a_person(rollout, breach, failed, moment, undone) + _left_over(restored, unchanged, switched)
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
        switched={now.stem: (", ".join(now.model.spec.serving), version) for now, version in switched if now.model},
        unchanged=unchanged,
        for_a_person=tuple(reasons),
        arm=not reasons and _mode(repository) == "auto-merge" and rollout.spec.rollback.merge == "auto",
    )


def _edits(
    file: File[ModelRollout], live: Live, switched: list[tuple[File[Component], str]]
) -> dict[str, bytes | None]:
    """Write ``live`` and the components that go back into their files."""
    edits: dict[str, bytes | None] = {file.path: _spliced(file, lambda content: with_live(content, live))}
    for now, version in switched:
        edits[now.path] = _spliced(now, partial(with_serving, serving=[version]))
    return edits


def _left_over(restored: str, unchanged: bool, switched: list[tuple[File[Component], str]]) -> list[str]:
    """Give what of the result a person must look at, or do."""
    reasons = [] if unchanged else [f"the manifests of {restored} are not byte for byte what runs now"]
    for now, version in switched:
        if now.model and now.model.spec.applied_by == "external":
            reasons.append(f"a person must switch {now.stem} to {version}: git does not apply it")
    return reasons


def _spliced(file: File[Any], edit: Callable[[bytes], bytes]) -> bytes:
    """Edit a file. UserError says which one cannot be."""
    try:
        return edit(file.content)
    except CannotEdit as error:
        raise UserError(f"{file.path}: {error.message}", hint=error.hint) from None


def _switched(rollout: ModelRollout, restored: str, repository: Repository) -> list[tuple[File[Component], str]]:
    """Return the exclusive components that go back too, each with the version that it will serve."""
    wanted = switches(rollout, restored, repository).items()
    found = [(repository.component(name), version) for name, version in wanted]
    return [(file, version) for file, version in found if file is not None]


def _mode(repository: Repository) -> str:
    settings = repository.settings
    return (settings.automation if settings else Automation()).mode


def _unchanged(manifests: list[Manifest], version: str, repository: Repository) -> bool:
    """Is what runs the restored version already in the tree, byte for byte?"""
    return all(
        _stands_in(document.text.encode(), repository.tree.read(manifest.path) or b"")
        for manifest in manifests
        for document in manifest.documents
        if document.version == version
    )


def _stands_in(document: bytes, manifest: bytes) -> bool:
    """Is this one whole document of a manifest, whose first line is a comment?"""
    return b"\n" + document + b"---\n" in manifest + b"---\n"
