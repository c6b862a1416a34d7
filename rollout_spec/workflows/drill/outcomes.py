"""Outcomes of rollbacks in memory.

Traffic split, served components, manifests and errors are verified.
"""

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
from rollout_spec.domain.pins import unsatisfied_pins
from rollout_spec.render.drift import find_drift
from rollout_spec.rollback import NoRollbackTarget, Rollback, roll_back
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.drill.states import Key, Reach, State, state_key, states
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

DrillVerdict = Literal[
    "proven", "draft", "no-way-back-yet", "no-way-back-left", "no-way-back", "failed", "not-reachable"
]
_DRILL = Breach(id="drill", source="drill", rollout="", version=None, observed_at=datetime(2000, 1, 1, tzinfo=UTC))
_OF_THE_TREE = ("workload", "contract", "target", "component", "incident")
"""The guards that depend on the tree alone, not on the breach or its source."""


@dataclass(frozen=True)
class DrillOutcome:
    """The outcome of a failure of one version in one state of a rollout.

    ``here``: the rollout is in that state now. ``failed`` is None if no rollback was tried, ``restored`` if none is
    possible. ``draft``: the rollback is verified but needs a person. ``no-way-back-yet``: no earlier version is known
    good. ``no-way-back-left``: the rollout was rolled back before. ``why`` continues a sentence that starts with "a
    rollback". ``findings`` are the errors that it would introduce.
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
        """Return whether this outcome must be fixed."""
        return self.verdict in ("failed", "no-way-back")


def drill(
    repository: Repository, rollout: str, *, now: datetime | None = None, reach: Reach = "all"
) -> Iterator[DrillOutcome]:
    """Roll back each version with traffic in each state of a rollout within reach, in memory.

    With ``all``, the restored version then fails too, once, while the first incident is open. Policies are checked if
    ``now`` is given, as in the check of the rollback's pull request. The rollout and its inputs must be sound, see
    ``checks.runner.is_sound``. UserError if the rollout does not exist or load.
    """
    with repository.keeping_edited():  # states and their rollbacks often lead to the same files
        yield from _drilled(repository.require_rollout(rollout), repository, now, reach)


def _drilled(
    file: File[ModelRollout], repository: Repository, now: datetime | None, reach: Reach
) -> Iterator[DrillOutcome]:
    rollout = file.stem
    restored_states: dict[tuple[str, Key], State] = {}
    for state in states(file, repository, reach):
        if state.why_not is not None:
            yield DrillOutcome(rollout, state.name, False, None, None, "not-reachable", state.why_not)
            continue
        for outcome, after in _outcomes(rollout, state, now):
            yield outcome
            if after is not None and outcome.failed is not None and reach == "all" and not state.retired:
                name = f"{outcome.failed} rolled back"
                restored_states.setdefault(
                    (outcome.failed, state_key(_model(rollout, after).spec.live)), State(name, after)
                )
    for state in restored_states.values():
        for outcome, _ in _outcomes(rollout, state, now):
            has_no_target = outcome.verdict in ("no-way-back-yet", "no-way-back")
            yield replace(outcome, verdict="no-way-back-left") if has_no_target else outcome


def _model(rollout: str, repository: Repository) -> ModelRollout:
    file = repository.rollout(rollout)
    assert file is not None and file.model is not None
    return file.model


def _outcomes(rollout: str, state: State, now: datetime | None) -> Iterator[tuple[DrillOutcome, Repository | None]]:
    """Roll back each version with traffic; yield its outcome, and the repository after a good rollback."""
    spec = _model(rollout, state.repository).spec
    for version in (spec.live.stable,) if state.retired else traffic.split(spec).versions:
        outcome = DrillOutcome(rollout, state.name, state.here, version, None, "failed")
        try:
            decision = roll_back(state.repository, replace(_DRILL, rollout=rollout, version=version))
            if isinstance(decision, Rollback):
                verified = _verified(outcome, decision, state.repository, now)
                yield verified, None if verified.fails else decision.apply(state.repository)
            elif isinstance(decision, NoRollbackTarget):
                yield _no_target(outcome, decision, state.repository), None
        except UserError as error:
            yield replace(outcome, why=f"is not possible: {error.message}"), None


def _no_target(outcome: DrillOutcome, decision: NoRollbackTarget, repository: Repository) -> DrillOutcome:
    if not _model(outcome.rollout, repository).spec.live.known_good:
        return replace(outcome, verdict="no-way-back-yet", why="knownGood has no earlier version")
    reasons = (f"{version}: {reason}" for version, reason in decision.skipped)
    return replace(outcome, verdict="no-way-back", why="; ".join(reasons))


def _verified(outcome: DrillOutcome, rollback: Rollback, repository: Repository, now: datetime | None) -> DrillOutcome:
    """Check the result of a rollback, and verify its promises."""
    outcome = replace(outcome, restored=rollback.restored)
    after = rollback.apply(repository)  # in use until the end, so that its results are computed once
    introduced = tuple(new_findings(repository, rollback.edits, switched=rollback.switched, now=now)[0])
    if introduced:
        first = introduced[0]
        message = f"would introduce an error: {first.message} [{first.name}, {first.file}:{first.line}]"
        return replace(outcome, why=message, findings=introduced)
    broken_promise = next(_broken_promises(rollback, repository, after), None)
    if broken_promise is not None:
        return replace(outcome, why=broken_promise)
    reasons = [str(each) for each in rollback.review_reasons if each.guard in _OF_THE_TREE]
    skipped = [f"{version} was skipped: {reason}" for version, reason in rollback.skipped]
    return replace(outcome, verdict="draft" if reasons else "proven", why="; ".join((*reasons, *skipped)))


def _broken_promises(rollback: Rollback, repository: Repository, after: Repository) -> Iterator[str]:
    """Yield the broken promises of a rollback: wrong split, unsatisfied pins, outdated manifests."""
    before = _model(rollback.rollout, repository).spec.live
    file: File[ModelRollout] | None = after.rollout(rollback.rollout)
    if file is None or file.model is None:
        yield f"leaves rollouts/{rollback.rollout}.yaml in a form that does not load"
        return
    split = traffic.split(file.model.spec)
    if split.versions != (rollback.restored,) or rollback.restored not in {before.stable, *before.known_good}:
        yield f"leaves the split {split.text}, not all traffic to a known-good version"
    for pin in unsatisfied_pins(file.model, rollback.restored, after):
        if pin.is_unread:  # the component has its own error
            continue
        yield f"restores {rollback.restored} without {pin.component} {pin.pin}, which is not served"
    for each in find_drift(file, after):
        yield f"leaves {each.path} out of date"
