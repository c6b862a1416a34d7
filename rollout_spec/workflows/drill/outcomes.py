"""What a rollback is worth shows in what it leaves behind: who answers, what is up, what is rendered, what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from rollout_spec.checks.regressions import new_findings
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.domain import traffic
from rollout_spec.domain.pins import unmet
from rollout_spec.render.drift import stale
from rollout_spec.rollback import NoRollbackTarget, Rollback, roll_back
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.validation_errors import did_you_mean
from rollout_spec.workflows.drill.states import Key, Reach, State, state_key, states
from rollout_spec.workspace.repository import File, Repository

DrillVerdict = Literal[
    "proven", "draft", "no-way-back-yet", "no-way-back-left", "no-way-back", "failed", "not-reachable"
]
_DRILL = Breach(id="drill", source="drill", rollout="", version=None, observed_at=datetime(2000, 1, 1, tzinfo=UTC))
_OF_THE_TREE = ("workload", "contract", "component", "incident")
"""The guards that ask for a person because of what is in the tree, and not of who told of the breach."""


@dataclass(frozen=True)
class DrillOutcome:
    """What came of one version failing in one state of a rollout.

    ``here`` says that the rollout stands there now. ``failed`` is None if no rollback was tried, ``restored`` where
    none can be made. ``draft`` leaves a rollback that holds to a person; ``no-way-back-yet`` is that of a rollout of
    which no earlier version is known to be good, ``no-way-back-left`` that of one which was rolled back before. ``why``
    goes on where "a rollback" was said; ``findings`` are the errors that it would bring.
    """

    rollout: str
    state: str
    here: bool
    failed: str | None
    restored: str | None
    verdict: DrillVerdict
    why: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def fails(self) -> bool:
        """Is this something to mend?"""
        return self.verdict in ("failed", "no-way-back")


def drill(
    repository: Repository, rollout: str, *, now: datetime | None = None, reach: Reach = "all"
) -> Iterator[DrillOutcome]:
    """Let each version fail that takes requests, in each state of a rollout within reach, and roll back in memory.

    With ``all``, what is restored then fails as well, once, while the incident of the first is open. Policies are
    asked where ``now`` is told, as the check of the rollback's pull request will. The rollout and what it is rendered
    of must be sound, as ``check.is_sound`` has it. UserError if there is no such rollout.
    """
    file = repository.rollout(rollout)
    if file is None:
        hint = did_you_mean(rollout, repository.names("rollouts"))
        raise UserError(f"there is no rollout `{rollout}` here", hint=hint)
    if file.model is None:
        raise UserError(f"{file.path} does not load", hint=f"`rollout-spec check {file.path}` says why")
    again: dict[tuple[str, Key], State] = {}
    for state in states(file, repository, reach):
        if state.why_not is not None:
            yield DrillOutcome(rollout, state.name, False, None, None, "not-reachable", state.why_not)
            continue
        for found, after in _all_failing(rollout, state, now):
            yield found
            if after is not None and found.failed is not None and reach == "all" and not state.retired:
                name = f"{found.failed} rolled back"
                again.setdefault((found.failed, state_key(_model(rollout, after).spec.live)), State(name, after))
    for state in again.values():
        for found, _ in _all_failing(rollout, state, now):
            stuck = found.verdict in ("no-way-back-yet", "no-way-back")
            yield replace(found, verdict="no-way-back-left") if stuck else found


def _model(rollout: str, repository: Repository) -> ModelRollout:
    file = repository.rollout(rollout)
    assert file is not None and file.model is not None
    return file.model


def _all_failing(rollout: str, state: State, now: datetime | None) -> Iterator[tuple[DrillOutcome, Repository | None]]:
    """Let each version fail that takes requests; give what came of it, and the repository after a good rollback."""
    spec = _model(rollout, state.repository).spec
    for version in (spec.live.stable,) if state.retired else traffic.split(spec).versions:
        there = DrillOutcome(rollout, state.name, state.here, version, None, "failed")
        try:
            decision = roll_back(state.repository, replace(_DRILL, rollout=rollout, version=version))
            if isinstance(decision, Rollback):
                judged = _judged(there, decision, state.repository, now)
                yield judged, None if judged.fails else decision.apply(state.repository)
            elif isinstance(decision, NoRollbackTarget):
                yield _stuck(there, decision, state.repository), None
        except UserError as error:
            yield replace(there, why=f"cannot be made: {error.message}"), None


def _stuck(there: DrillOutcome, decision: NoRollbackTarget, repository: Repository) -> DrillOutcome:
    if not _model(there.rollout, repository).spec.live.known_good:
        return replace(there, verdict="no-way-back-yet", why="knownGood has no earlier version")
    told = (f"{version}: {reason}" for version, reason in decision.passed_over)
    return replace(there, verdict="no-way-back", why="; ".join(told))


def _judged(there: DrillOutcome, rollback: Rollback, repository: Repository, now: datetime | None) -> DrillOutcome:
    """Check what a rollback leaves behind, and compare it with what it promises."""
    there = replace(there, restored=rollback.restored)
    fresh = tuple(new_findings(repository, rollback.edits, switched=rollback.switched, now=now)[0])
    if fresh:
        first = fresh[0]
        words = f"would not pass its own check: {first.message} [{first.name}, {first.file}:{first.line}]"
        return replace(there, why=words, findings=fresh)
    wrong = next(_broken_promises(rollback, repository), None)
    if wrong is not None:
        return replace(there, why=wrong)
    reasons = [str(each) for each in rollback.for_a_person if each.guard in _OF_THE_TREE]
    passed_over = [f"{version} was passed over: {reason}" for version, reason in rollback.passed_over]
    return replace(there, verdict="draft" if reasons else "proven", why="; ".join((*reasons, *passed_over)))


def _broken_promises(rollback: Rollback, repository: Repository) -> Iterator[str]:
    """Say in what the tree after a rollback is not what it should be."""
    before, after = _model(rollback.rollout, repository).spec.live, rollback.apply(repository)
    file: File[ModelRollout] | None = after.rollout(rollback.rollout)
    if file is None or file.model is None:
        yield f"leaves rollouts/{rollback.rollout}.yaml as a file that does not load"
        return
    split = traffic.split(file.model.spec)
    if split.versions != (rollback.restored,) or rollback.restored not in {before.stable, *before.known_good}:
        yield f"leaves {split.text}, which is not all to a version that is known to be good"
    for pin in unmet(file.model, rollback.restored, after):
        if pin.is_unread:  # the component says so itself
            continue
        yield f"restores {rollback.restored} without {pin.component} {pin.pin}, which is not up"
    for each in stale(file, after):
        yield f"leaves {each.path}, which is not what is rendered"
