"""The way back is recorded: ``stable`` when the candidate failed, the first eligible known-good one when stable did."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.domain import traffic, transitions
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import compatibility_risk, obstacles, rollback_targets, unsure
from rollout_spec.render.drift import compared
from rollout_spec.render.renderer import render
from rollout_spec.rollback import incident as incidents
from rollout_spec.rollback.components import manifests_unchanged, required_switches, rollback_edits
from rollout_spec.rollback.key import branch_name
from rollout_spec.rollback.outcomes import NoAction, NoRollbackTarget, OpenIncidents, Rollback
from rollout_spec.rollback.trigger_guards import lookback, review_reasons
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.rollout import Live, ModelRollout, RolloutSpec
from rollout_spec.spec.validation_errors import did_you_mean
from rollout_spec.workspace.repository import File, Repository


def failed_version(spec: RolloutSpec, breach: Breach) -> str:
    """Return the version that failed: the candidate, else stable, where a person named the rollout alone."""
    return breach.version if breach.version is not None else spec.live.candidate or spec.live.stable


def roll_back(
    repository: Repository,
    breach: Breach,
    undone: UndoneCommits | None = None,
    *,
    open_incidents: OpenIncidents | None = None,
    leaving: Collection[tuple[str, str]] = (),
) -> Rollback | NoRollbackTarget | NoAction:
    """Decide what a breach leads to. UserError where its rollout or version is unknown, or does not load.

    ``leaving`` are versions of rollouts that the same commit takes back: what they need holds no component.
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
    live, undone = rollout.spec.live, undone or UndoneCommits()
    if failed != live.stable:
        return _made(repository, file, breach, failed, live.stable, transitions.withdraw(live), undone, leaving=leaving)
    unmerged = open_incidents or OpenIncidents()
    known = repository.edited(unmerged.files) if unmerged.files else repository
    target = next(iter(rollback_targets(rollout, known)), None)
    skipped = tuple(_passed_over(rollout, target, known))
    carried: Mapping[str, bytes | None] = unmerged.files if skipped else {}
    if target is None:
        stuck = _stuck(known, rollout, breach, failed, skipped, undone)
        return replace(stuck, edits={**carried, **stuck.edits}) if stuck.edits else stuck
    after = transitions.roll_back_stable(live, target)
    made = _made(known if carried else repository, file, breach, failed, target, after, undone, skipped, leaving)
    if target in unmerged.doubts:
        made = replace(made, review_reasons=(*made.review_reasons, Reason("incident", unmerged.doubts[target])))
    return replace(made, edits={**carried, **made.edits})


def roll_back_together(
    repository: Repository,
    failures: Sequence[tuple[Breach, UndoneCommits]],
    open_incidents: Mapping[str, OpenIncidents | None] | None = None,
) -> Rollback | None:
    """Take several rollouts back in one commit, which then agrees on the exclusive components that they share.

    ``open_incidents`` are by rollout. None if one of them cannot be taken back.
    """
    files = [(_rollout(repository, breach.rollout), breach) for breach, _ in failures]
    leaving = [(file.stem, failed_version(file.model.spec, breach)) for file, breach in files if file.model]
    parts: list[Rollback] = []
    edits: dict[str, bytes | None] = {}
    moves = []
    for breach, undone in failures:
        there = repository.edited(edits) if edits else repository
        opened = (open_incidents or {}).get(breach.rollout)
        part = roll_back(there, breach, undone, open_incidents=opened, leaving=leaving)
        if not isinstance(part, Rollback):
            return None
        edits |= part.edits
        parts.append(part)
        before, after = (_live(part.rollout, each) for each in (there, repository.edited(edits)))
        moves.append((part.rollout, before, after))
    first = parts[0]
    branch = branch_name("rollback", repository, first.rollout, first.failed, moves)
    return replace(first, edits=edits, branch=branch, companions=tuple(parts[1:]))


def _live(rollout: str, repository: Repository) -> Live:
    file = repository.rollout(rollout)
    assert file is not None and file.model is not None
    return file.model.spec.live


def _rollout(repository: Repository, name: str) -> File[ModelRollout]:
    file = repository.rollout(name)
    if file is None:
        raise UserError(f"there is no rollout `{name}` here", hint=did_you_mean(name, repository.names("rollouts")))
    if file.model is None:
        raise UserError(f"{file.path} does not load", hint=f"`rollout-spec check {file.path}` says why")
    return file


def _idle(rollout: ModelRollout, version: str, repository: Repository) -> NoAction:
    """Say why there is nothing to take back."""
    incident = quarantined(rollout, repository).get(version)
    words = f"{rollout.metadata.name} {version} has neither traffic nor mirror, so nothing is to be taken back"
    if incident is not None:
        return NoAction(f"{words}; {incident.description} quarantines it already", "one-action")
    live = rollout.spec.live
    if version == live.candidate:
        words += f"; it is a candidate in {live.stage or 'no stage'}, and {live.stable} answers all requests"
    return NoAction(words)


def _passed_over(rollout: ModelRollout, target: str | None, repository: Repository) -> Iterator[tuple[str, str]]:
    """Say of each known-good version before the chosen one why it was not chosen."""
    before = list(takewhile(lambda version: version != target, rollout.spec.live.known_good))
    against = obstacles(rollout, repository) if before else {}
    for version in before:
        if version in against:
            yield version, against[version]
        elif (refusal := compatibility_risk(rollout, version, repository)) is not None:
            yield version, refusal.words


def _stuck(
    repository: Repository,
    rollout: ModelRollout,
    breach: Breach,
    failed: str,
    passed_over: tuple[tuple[str, str], ...],
    undone: UndoneCommits,
) -> NoRollbackTarget:
    """Write the incident alone: what failed serves on until something replaces it."""
    own = rollout.metadata.name
    known = incidents.open_incident_without_target(own, failed, repository)
    name = known or incidents.next_name(own, failed, repository)
    live = rollout.spec.live
    lasting = live.model_copy(update={"candidate": None, "stage": None, "fixes": None})  # these may come and go
    branch = branch_name("incident", repository, own, failed, [(own, lasting, None)])
    edits: dict[str, bytes | None] = {}
    if known is None:
        text = incidents.incident_text(name, breach, rollout, failed, None, traffic.PROMOTED, replace(undone, steps=()))
        edits[f"incidents/{name}.yaml"] = text.encode()
        after = repository.edited(edits)
        edits |= {each.path: each.wanted for each in compared(own, render(rollout, after), after)}
    return NoRollbackTarget(repository.workspace_name, own, failed, breach, passed_over, name, branch, edits)


def _made(
    repository: Repository,
    file: File[ModelRollout],
    breach: Breach,
    failed: str,
    restored: str,
    live: Live,
    undone: UndoneCommits,
    passed_over: tuple[tuple[str, str], ...] = (),
    leaving: Collection[tuple[str, str]] = (),
) -> Rollback:
    """Make the edits: ``live``, the incident, a switched component, and the manifests of all that."""
    rollout = file.model
    assert rollout is not None
    name = incidents.next_name(file.stem, failed, repository)
    moment = traffic.stage_name_of(rollout.spec, failed) or ""
    switches = required_switches(rollout, restored, repository, leaving)
    edits = rollback_edits(file, live, switches, repository)
    edits[f"incidents/{name}.yaml"] = incidents.incident_text(
        name, breach, rollout, failed, restored, moment, undone
    ).encode()
    after = repository.edited(edits)
    result = after.rollout(file.stem)
    assert result is not None and result.model is not None
    manifests = render(result.model, after)
    edits |= {each.path: each.wanted for each in compared(file.stem, manifests, after)}
    unchanged = manifests_unchanged(manifests, restored, repository)
    reasons = review_reasons(rollout, breach, failed, moment, undone)
    if not unchanged:
        reasons.append(Reason("workload", f"the manifests of {restored} are not byte for byte what runs now"))
    if (refusal := compatibility_risk(rollout, restored, repository)) is not None:
        reasons.append(Reason("contract", f"{restored} {refusal.summary}"))
    if failed == rollout.spec.live.stable:
        reasons += [Reason(guard, words) for guard, words in unsure(rollout, restored, repository)]
    reasons += [each.reason for each in switches if each.reason]
    return Rollback(
        workspace=repository.workspace_name,
        rollout=file.stem,
        failed=failed,
        restored=restored,
        stage=moment,
        breach=breach,
        incident=name,
        branch=branch_name("rollback", repository, file.stem, failed, [(file.stem, rollout.spec.live, live)]),
        edits=edits,
        undone=undone,
        before=traffic.split(rollout.spec),
        after=traffic.split(result.model.spec),
        skipped=passed_over,
        withdrawn=rollout.spec.live.candidate if failed == rollout.spec.live.stable else None,
        switches=switches,
        workload_unchanged=unchanged,
        review_reasons=tuple(reasons),
        merge=rollout.spec.rollback.merge,
        lookback=lookback(rollout, breach.trigger),
        window=rollout.spec.rollback.window,
    )
