"""The decision on a breach: the version to restore and the edits that restore it.

A failed candidate is replaced by ``stable``, a failed stable version by the best entry of ``knownGood``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean
from rollout_spec.domain import traffic, transitions
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import compatibility_risk, obstacles, rollback_targets, unsure, untried
from rollout_spec.render.drift import compare_manifests
from rollout_spec.render.renderer import render
from rollout_spec.rollback import incident as incidents
from rollout_spec.rollback.components import manifests_unchanged, required_switches, rollback_edits
from rollout_spec.rollback.key import branch_name
from rollout_spec.rollback.outcomes import NoAction, NoRollbackTarget, OpenIncidents, Rollback
from rollout_spec.rollback.trigger_guards import lookback, review_reasons
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.rollout import Live, ModelRollout, RolloutSpec
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class _Failure:
    """A failed version: its breach, its commits since it was proposed, and those that go back too."""

    breach: Breach
    version: str
    undone: UndoneCommits
    leaving: Collection[tuple[str, str]] = ()


@dataclass(frozen=True)
class _Target:
    """The version to restore, ``live`` after that, and the known-good versions that were skipped for it."""

    version: str
    live: Live
    skipped: tuple[tuple[str, str], ...] = ()


def failed_version(spec: RolloutSpec, breach: Breach) -> str:
    """Return the failed version. If a person's breach names none, it is the candidate, or else stable.

    UserError if a monitor named none: its meaning depends on the traffic split, and must be found first.
    """
    if breach.version is None and breach.about is not None:
        raise UserError(f"{breach.rollout}: the failed version of this breach is not known")
    return breach.version if breach.version is not None else spec.live.candidate or spec.live.stable


def roll_back(
    repository: Repository,
    breach: Breach,
    undone: UndoneCommits | None = None,
    *,
    open_incidents: OpenIncidents | None = None,
    leaving: Collection[tuple[str, str]] = (),
) -> Rollback | NoRollbackTarget | NoAction:
    """Decide the outcome of a breach. UserError if its rollout or version is unknown, or does not load.

    ``leaving`` are versions of rollouts that the same commit rolls back: their pins hold no component.
    Source of each outcome: the table of steps in the documentation of ``live`` (docs/lifecycle.md).
    """
    file = repository.require_rollout(breach.rollout)
    rollout = file.model
    assert rollout is not None
    failed = failed_version(rollout.spec, breach)
    if failed not in rollout.spec.versions:
        raise UserError(
            f"rollout {file.stem} has no version `{failed}`", hint=did_you_mean(failed, rollout.spec.versions)
        )
    if failed not in traffic.split(rollout.spec).versions:
        return _no_action(rollout, failed, repository)
    failure = _Failure(breach, failed, undone or UndoneCommits(), leaving)
    if failed != rollout.spec.live.stable:
        target = _Target(rollout.spec.live.stable, transitions.withdraw(rollout.spec.live))
        return _rollback(repository, file, failure, target)
    return _roll_back_stable(repository, file, rollout, failure, open_incidents or OpenIncidents())


def _roll_back_stable(
    repository: Repository,
    file: File[ModelRollout],
    rollout: ModelRollout,
    failure: _Failure,
    unmerged: OpenIncidents,
) -> Rollback | NoRollbackTarget:
    """Decide the outcome of a breach of stable.

    Unmerged incidents are merged with it if they decide the target.
    """
    with_incidents = repository.edited(unmerged.files) if unmerged.files else repository
    version = next(iter(rollback_targets(rollout, with_incidents)), None)
    skipped = tuple(_skipped(rollout, version, with_incidents))
    is_redirected = version != next(iter(rollback_targets(rollout, repository)), None)
    carried: Mapping[str, bytes | None] = unmerged.files if skipped or is_redirected else {}
    if version is None:
        outcome = _no_target(with_incidents, rollout, failure, skipped)
        return replace(outcome, edits={**carried, **outcome.edits}) if outcome.edits else outcome
    target = _Target(version, transitions.roll_back_stable(rollout.spec.live, version), skipped)
    rollback = _rollback(with_incidents if carried else repository, file, failure, target)
    if version in unmerged.doubts:
        doubt = Reason("incident", unmerged.doubts[version])
        rollback = replace(rollback, review_reasons=(*rollback.review_reasons, doubt))
    return replace(rollback, edits={**carried, **rollback.edits})


def roll_back_together(
    repository: Repository,
    failures: Sequence[tuple[Breach, UndoneCommits]],
    open_incidents: Mapping[str, OpenIncidents | None] | None = None,
) -> Rollback | None:
    """Roll back several rollouts in one commit.

    They then agree on the exclusive components that they share. ``open_incidents`` are by rollout. None if one of them
    cannot be rolled back.
    """
    files = [(repository.require_rollout(breach.rollout), breach) for breach, _ in failures]
    leaving = [(file.stem, failed_version(file.model.spec, breach)) for file, breach in files if file.model]
    parts: list[Rollback] = []
    edits: dict[str, bytes | None] = {}
    moves = []
    for breach, undone in failures:
        edited = repository.edited(edits) if edits else repository
        unmerged = (open_incidents or {}).get(breach.rollout)
        part = roll_back(edited, breach, undone, open_incidents=unmerged, leaving=leaving)
        if not isinstance(part, Rollback):
            return None
        edits |= part.edits
        parts.append(part)
        before, after = (_live(part.rollout, state) for state in (edited, repository.edited(edits)))
        moves.append((part.rollout, before, after))
    first = parts[0]
    branch = branch_name("rollback", repository, first.rollout, first.failed, moves)
    return replace(first, edits=edits, branch=branch, companions=tuple(parts[1:]))


def _live(rollout: str, repository: Repository) -> Live:
    file = repository.rollout(rollout)
    assert file is not None and file.model is not None
    return file.model.spec.live


def _no_action(rollout: ModelRollout, version: str, repository: Repository) -> NoAction:
    quarantine = quarantined(rollout, repository).get(version)
    message = f"{rollout.metadata.name} {version} receives neither requests nor mirrored ones: nothing to roll back"
    if quarantine is not None:
        same = quarantine.same_bytes(version)
        reason = f"{quarantine.description} quarantines it already{': ' + same if same else ''}"
        return NoAction(f"{message}; {reason}", "one-action")
    live = rollout.spec.live
    if version == live.candidate:
        message += f"; it is a candidate in {live.stage or 'no stage'}, and {live.stable} receives all requests"
    return NoAction(message)


def _skipped(rollout: ModelRollout, target: str | None, repository: Repository) -> Iterator[tuple[str, str]]:
    """Give each known-good version before the chosen one, with the reason why it is skipped."""
    before = list(takewhile(lambda version: version != target, rollout.spec.live.known_good))
    reasons = obstacles(rollout, repository) if before else {}
    for version in before:
        if version in reasons:
            yield version, reasons[version]
        elif (message := untried(rollout, version, repository)) is not None:
            yield version, message
        elif (risk := compatibility_risk(rollout, version, repository)) is not None:
            yield version, risk.message


def _no_target(
    repository: Repository, rollout: ModelRollout, failure: _Failure, skipped: tuple[tuple[str, str], ...]
) -> NoRollbackTarget:
    """Write the incident alone: the failed version stays live until another one replaces it."""
    own, failed = rollout.metadata.name, failure.version
    existing = incidents.open_incident_without_target(own, failed, repository)
    name = existing or incidents.next_name(own, failed, repository)
    live = rollout.spec.live
    without_candidate = live.model_copy(update={"candidate": None, "stage": None, "fixes": None})  # it may come and go
    branch = branch_name("incident", repository, own, failed, [(own, without_candidate, None)])
    edits: dict[str, bytes | None] = {}
    if existing is None:
        undone = replace(failure.undone, steps=())
        text = incidents.incident_text(name, failure.breach, rollout, failed, None, traffic.PROMOTED, undone)
        edits[f"incidents/{name}.yaml"] = text.encode()
        after = repository.edited(edits)
        edits |= {manifest.path: manifest.wanted for manifest in compare_manifests(own, render(rollout, after), after)}
    return NoRollbackTarget(repository.workspace_name, own, failed, failure.breach, skipped, name, branch, edits)


def _rollback(repository: Repository, file: File[ModelRollout], failure: _Failure, target: _Target) -> Rollback:
    """Edit ``live``, the incident and the switched components, and render the manifests."""
    rollout, failed, restored = file.model, failure.version, target.version
    assert rollout is not None
    name = incidents.next_name(file.stem, failed, repository)
    stage = traffic.stage_name_of(rollout.spec, failed) or ""
    switches = required_switches(rollout, restored, repository, failure.leaving)
    edits = rollback_edits(file, target.live, switches, repository)
    text = incidents.incident_text(name, failure.breach, rollout, failed, restored, stage, failure.undone)
    edits[f"incidents/{name}.yaml"] = text.encode()
    after = repository.edited(edits)
    result = after.rollout(file.stem)
    assert result is not None and result.model is not None
    manifests = render(result.model, after)
    edits |= {manifest.path: manifest.wanted for manifest in compare_manifests(file.stem, manifests, after)}
    rollback = Rollback(
        workspace=repository.workspace_name,
        rollout=file.stem,
        failed=failed,
        restored=restored,
        stage=stage,
        breach=failure.breach,
        incident=name,
        branch=branch_name("rollback", repository, file.stem, failed, [(file.stem, rollout.spec.live, target.live)]),
        edits=edits,
        undone=failure.undone,
        before=traffic.split(rollout.spec),
        after=traffic.split(result.model.spec),
        skipped=target.skipped,
        withdrawn=rollout.spec.live.candidate if failed == rollout.spec.live.stable else None,
        switches=switches,
        workload_unchanged=manifests_unchanged(manifests, restored, repository),
        review_reasons=(),
        merge=rollout.spec.rollback.merge,
        lookback=lookback(rollout, failure.breach.trigger),
        window=rollout.spec.rollback.window,
    )
    return replace(rollback, review_reasons=tuple(_review_reasons(rollback, rollout, repository)))


def _review_reasons(rollback: Rollback, rollout: ModelRollout, repository: Repository) -> Iterator[Reason]:
    restored = rollback.restored
    yield from review_reasons(rollout, rollback.breach, rollback.failed, rollback.stage, rollback.undone)
    if not rollback.workload_unchanged:
        yield Reason("workload", f"the manifests of {restored} differ from the deployed ones")
    if (risk := compatibility_risk(rollout, restored, repository)) is not None:
        yield Reason("contract", f"{restored} {risk.summary}")
    if rollback.failed == rollout.spec.live.stable:
        yield from (Reason(guard, message) for guard, message in unsure(rollout, restored, repository))
    yield from (switch.reason for switch in rollback.switches if switch.reason)
