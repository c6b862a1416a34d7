"""A breach is answered: by a pull request, by a notice, or by saying why there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec import traffic
from rollout_spec.breach import Breach
from rollout_spec.change import Change
from rollout_spec.drill import new_findings
from rollout_spec.errors import UserError
from rollout_spec.finding import Finding
from rollout_spec.forges import Forge
from rollout_spec.landing import Base, Landed, build, land, push
from rollout_spec.precedents import branches_of, closed_by_a_person, pauses, precedents, steps_under_way
from rollout_spec.proof import prove
from rollout_spec.repository import Repository
from rollout_spec.rollback import (
    Facts,
    Nothing,
    NoWayBack,
    Rollback,
    Undone,
    Verdict,
    failed_version,
    guard,
    roll_back,
    undone_by,
)
from rollout_spec.rollback.body import again, warning
from rollout_spec.rollback.words import change, incident_change
from rollout_spec.spec.workspace import Automation

_TRIES = 5


@dataclass(frozen=True)
class Answer:
    """What came of a breach.

    ``refused`` are the findings that the rollback would have brought. ``commit`` is what was built, and pushed where
    the verdict lets it be; ``landed`` is the pull request. ``notes`` are what else was done, or could not be;
    ``under_way`` are the branches of lifecycle steps of the rollout.
    """

    breach: Breach
    base: Base
    decision: Rollback | NoWayBack | Nothing
    verdict: Verdict
    change: Change | None = None
    commit: str | None = None
    landed: Landed | None = None
    refused: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 1 where there is no way back, or the way back would bring findings."""
        return 1 if self.refused or isinstance(self.decision, NoWayBack) else 0

    @property
    def pushes(self) -> bool:
        """Does the verdict let something be pushed: a rollback, or the incident of what has no way back?"""
        stuck = isinstance(self.decision, NoWayBack) and all(each.guard == "way-back" for each in self.verdict.reasons)
        return self.change is not None and not self.refused and (stuck or self.verdict.action in ("act", "draft"))


def answer(breach: Breach, base: Base, forge: Forge | None, *, now: datetime, beside: Iterable[Breach] = ()) -> Answer:
    """Decide, prove, and open the pull request; with no forge everything but the last.

    ``beside`` is what else failed at once. Where the base moves meanwhile, all of it is done again from where it is
    then. UserError where the rollout or version is unknown, or a person closed the pull request.
    """
    also = tuple(beside)
    found = _decided(breach, base, now, also, forge)
    for _ in range(_TRIES):
        if forge is None or not found.pushes or (newest := base.renewed()).commit == base.commit:
            break
        base = newest
        found = _decided(breach, base, now, also, forge)
    if found.change is None or found.refused:
        return found
    if forge is None or base.remote is None or not found.pushes:
        return replace(found, commit=build(found.change, base))
    if isinstance(found.decision, NoWayBack):
        return replace(found, commit=push(found.change, base))
    landed = land(found.change, base, forge)
    done = replace(found, commit=landed.commit, landed=landed)
    return replace(done, notes=(*landed.notes, *_tell_the_forge(done, forge)))


def takes_back(breach: Breach, repository: Repository) -> bool:
    """Is a breach about a version that takes requests? What names none must not make others wait."""
    file = repository.rollout(breach.rollout)
    spec = file.model.spec if file and file.model else None
    return spec is not None and failed_version(spec, breach) in traffic.split(spec).versions


def _decided(breach: Breach, base: Base, now: datetime, beside: tuple[Breach, ...], forge: Forge | None) -> Answer:
    """Say what a breach leads to on this base, and what the guards say of it."""
    repository = base.repository
    undone = _undone(breach, base)
    decision = roll_back(repository, breach, undone)
    automation = repository.settings.automation if repository.settings else Automation()
    if isinstance(decision, Nothing):
        return Answer(breach, base, decision, guard(decision, breach, Facts(), automation, now))
    branches = branches_of(base)
    known = precedents(base, branches, breach.rollout, now)
    facts = Facts(known, beside, pauses(base), undone.since, undone.moved)
    verdict = guard(decision, breach, facts, automation, now, closed_by_a_person(base, forge))
    found = Answer(breach, base, decision, verdict, under_way=steps_under_way(base, branches, breach.rollout))
    if isinstance(decision, NoWayBack):
        return replace(found, change=incident_change(decision, prefix=base.prefix)) if decision.edits else found
    return _proven(found, decision, repository)


def _proven(found: Answer, decision: Rollback, repository: Repository) -> Answer:
    """Check the result. What it brings refuses it, but for the pin of a component that a person has to decide about."""
    prefix = found.base.prefix
    brought, stood = new_findings(repository, decision, prefix=prefix)
    left = left_to_a_person(brought, decision)
    if len(left) < len(brought):
        return replace(found, refused=tuple(brought))
    proof = prove(decision, repository, found.base)
    told = change(decision, repository, found.verdict, prefix=prefix, stood=stood, left=left, proof=proof)
    return replace(found, change=told)


def left_to_a_person(findings: Iterable[Finding], rollback: Rollback) -> list[Finding]:
    """Return the findings that follow from a component which stays as it is, because another rollout needs it so."""
    stay = [each.component for each in rollback.switches if each.stays]
    paths = [("spec", "versions", rollback.restored, "requires", component) for component in stay]
    return [each for each in findings if each.name == "pins-served" and each.path in paths]


def _undone(breach: Breach, base: Base) -> Undone:
    """Find the commits that the rollback undoes, by walking the file's history to the one that proposed the version."""
    file = base.repository.rollout(breach.rollout)
    if file is None or file.model is None:
        return Undone()
    if base.git.is_shallow():
        return Undone(reason="this clone is shallow, and its history ends too early")
    return undone_by(failed_version(file.model.spec, breach), base.history(file.path))


def _tell_the_forge(done: Answer, forge: Forge) -> list[str]:
    """Comment where somebody else reads: on a rollback that was there before, and on steps that are under way."""
    assert done.landed is not None and isinstance(done.decision, Rollback)
    base, rollback, pull = done.base, done.decision, done.landed.pull_request
    notes: list[str] = []
    try:
        if done.landed.adopted and pull.state == "open" and not _told(done):
            forge.comment(pull, f"breach-{done.breach.trigger or done.breach.source}", again(rollback, done.verdict))
        for branch in done.under_way:
            step = forge.find(branch, base.branch)
            if step is not None and step.state == "open":
                forge.comment(step, f"rollback-{rollback.incident}", warning(rollback, pull.url))
                notes.append(f"{step.url} is open too, and was told")
    except UserError as error:
        notes.append(error.message)
    return notes


def _told(done: Answer) -> bool:
    """Was the rollback that is adopted made for this very breach?"""
    git, base = done.base.git, done.base.commit
    assert done.landed is not None
    line = f"Breach-Id: {done.breach.id}"
    return any(line in git.message(each).splitlines() for each in git.beyond(base, done.landed.commit)[:20])
