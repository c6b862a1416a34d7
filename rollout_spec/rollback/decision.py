"""The way back is recorded: ``stable`` when the candidate failed, the first eligible known-good version when stable did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollout_spec import traffic
from rollout_spec.breach import Breach
from rollout_spec.edits import with_live, with_serving
from rollout_spec.eligibility import eligible, lost, quarantined, switches
from rollout_spec.errors import UserError
from rollout_spec.repository import File, Repository
from rollout_spec.rollback import incident as incidents
from rollout_spec.rollback.undone import Undone
from rollout_spec.spec.problems import did_you_mean
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.spec.workspace import Automation
from rollout_spec.targets.manifests import stale
from rollout_spec.targets.render import Manifest, render, workloads
from rollout_spec.tree import Overlay
from rollout_spec.units import format_duration, label


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
    """What a rollback does. ``edits`` are by path in the workspace; ``for_a_person`` are the reasons to leave it a draft."""

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


def roll_back(repository: Repository, breach: Breach, undone: Undone | None = None) -> Rollback | NoWayBack | Nothing:
    """Decide what a breach leads to. UserError where its rollout or version is unknown, or does not load.

    Source of each outcome: the table of steps in the documentation of ``live`` (docs/lifecycle.md).
    """
    file = _rollout(repository, breach.rollout)
    rollout = file.model
    assert rollout is not None
    split = traffic.split(rollout.spec)
    failed = breach.version or split.candidate or rollout.spec.live.stable
    if failed not in rollout.spec.versions:
        raise UserError(
            f"rollout {file.stem} has no version `{failed}`", hint=did_you_mean(failed, rollout.spec.versions)
        )
    if failed not in split.versions:
        return Nothing(_idle(rollout, failed, repository))
    passed_over: tuple[tuple[str, str], ...] = ()
    live = rollout.spec.live
    if failed == live.stable:
        target = next(iter(eligible(rollout, repository)), None)
        passed_over = _passed_over(rollout, target, repository)
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
        return f"{words}; incident {incident.stem} quarantines it already"
    if version == rollout.spec.live.candidate:
        return f"{words}; it is a candidate in {rollout.spec.live.stage or 'no stage'}"
    return words


def _passed_over(rollout: ModelRollout, target: str | None, repository: Repository) -> tuple[tuple[str, str], ...]:
    """Say of each known-good version before the chosen one why it was not chosen."""
    away = quarantined(rollout, repository)
    found = []
    for version in rollout.spec.live.known_good:
        if version == target:
            break
        if version in away:
            reason = f"quarantined by incident {away[version].stem}"
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
    edits: dict[str, bytes | None] = {file.path: with_live(file.content, live)}
    switched: dict[str, tuple[str, str]] = {}
    for component, version in switches(rollout, restored, repository).items():
        now = repository.component(component)
        assert now is not None and now.model is not None
        edits[now.path] = with_serving(now.content, [version])
        switched[component] = (", ".join(now.model.spec.serving), version)
    edits[f"incidents/{name}.yaml"] = incidents.write(name, breach, rollout, failed, restored, moment, undone).encode()
    after = Repository(Overlay(repository.tree, edits))
    restored_file = after.rollout(file.stem)
    assert restored_file is not None and restored_file.model is not None
    edits |= {each.path: each.wanted for each in stale(restored_file, after)}
    unchanged = _unchanged(render(restored_file.model, after), restored, repository)
    automation = _automation(repository)
    reasons = _for_a_person(rollout, breach, failed, moment, undone)
    if not unchanged:
        reasons.append(f"the manifests of {restored} are not byte for byte what runs now")
    for component, (_, version) in switched.items():
        found = after.component(component)
        if found and found.model and found.model.spec.applied_by == "external":
            reasons.append(f"a person must switch {component} to {version}: git does not apply it")
    return Rollback(
        workspace=repository.workspace_name,
        rollout=file.stem,
        failed=failed,
        restored=restored,
        moment=moment,
        breach=breach,
        incident=name,
        branch="/".join(("rollback", repository.workspace_name, file.stem, label(failed)))
        + (f"-{count}" if count > 1 else ""),
        edits=edits,
        undone=undone,
        before=traffic.split(rollout.spec),
        after=traffic.split(restored_file.model.spec),
        passed_over=passed_over,
        withdrawn=rollout.spec.live.candidate if failed == rollout.spec.live.stable else None,
        switched=switched,
        unchanged=unchanged,
        for_a_person=tuple(reasons),
        arm=not reasons and automation.mode == "auto-merge" and rollout.spec.rollback.merge == "auto",
    )


def _automation(repository: Repository) -> Automation:
    file = repository.workspace
    return file.model.spec.automation if file and file.model else Automation()


def _unchanged(manifests: list[Manifest], version: str, repository: Repository) -> bool:
    """Is what runs the restored version already in the tree, byte for byte?"""
    return all(
        text.encode() in (repository.tree.read(path) or b"") for path, text in workloads(manifests, version).items()
    )


def _for_a_person(rollout: ModelRollout, breach: Breach, failed: str, moment: str, undone: Undone) -> list[str]:
    """Give the reasons why a person should look before this merges; none where the trigger is hard, here and now."""
    trigger = next((each for each in rollout.spec.triggers if each.name == breach.trigger), None)
    if trigger is None:
        told = f"`{breach.trigger}` is no trigger of the spec" if breach.trigger else "a person pulled it"
        return [f"the trigger is soft: {told}"]
    if trigger.severity == "soft":
        return [f"the trigger {trigger.name} is soft"]
    reasons = []
    if trigger.during is not None and moment not in trigger.during:
        reasons.append(f"the trigger {trigger.name} watches {', '.join(trigger.during)}, and {failed} is at {moment}")
    limit = getattr(trigger, "within", None)
    what = f"the trigger {trigger.name} counts within {format_duration(limit)} of the stage's start" if limit else ""
    if moment == traffic.PROMOTED and rollout.spec.rollback.window is not None:
        limit = rollout.spec.rollback.window
        what = f"triggers are hard within {format_duration(limit)} of the promotion"
    if limit is not None and undone.since is None:
        reasons.append(f"{what}, and when that was is not known")
    elif limit is not None and undone.since is not None and breach.observed_at - undone.since > limit:
        reasons.append(f"{what}, and that was {format_duration(breach.observed_at - undone.since)} before the breach")
    return reasons
