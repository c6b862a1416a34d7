"""Breaches are answered: by a pull request, by a notice, or by saying why there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.unexpected import explained
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import GuardVerdict, NoAction, NoRollbackTarget, Order, Rollback
from rollout_spec.rollback.pull_request import again, warning
from rollout_spec.workflows.base_branch import Base, build
from rollout_spec.workflows.breach_order import strongest_breach, turn, would_be_acted_on
from rollout_spec.workflows.decide import Case
from rollout_spec.workflows.pull_requests import DeliveredChange, Delivery, deliver
from rollout_spec.workflows.rebuild import incidents_in
from rollout_spec.workflows.supersede import supersede_others

_TRIES = 5


@dataclass(frozen=True)
class BreachResponse:
    """What came of a breach.

    ``refused`` are the findings that the rollback would have brought. ``commit`` is what was built, and pushed if the
    verdict lets it be; ``landed`` is the pull request. ``notes`` are what else was done, or could not be;
    ``under_way`` are the branches of lifecycle steps of the rollout.
    """

    breach: Breach
    base: Base
    decision: Rollback | NoRollbackTarget | NoAction
    verdict: GuardVerdict
    change: ProposedChange | None = None
    commit: str | None = None
    landed: DeliveredChange | None = None
    refused: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 1 if the breach is real and no rollback was proposed."""
        return (
            1 if self.refused or isinstance(self.decision, NoRollbackTarget) or self.verdict.action == "notify" else 0
        )

    @property
    def pushes(self) -> bool:
        """Return whether the verdict lets something be pushed: a rollback, or the incident alone."""
        acts = self.is_stuck or self.verdict.action in ("act", "draft")
        return self.change is not None and not self.refused and acts

    @property
    def is_stuck(self) -> bool:
        """Return whether nothing can replace the failed version, and no guard holds the automation."""
        return isinstance(self.decision, NoRollbackTarget) and all(
            each.guard == "way-back" for each in self.verdict.reasons
        )


@dataclass(frozen=True)
class Responder:
    """What breaches are answered with: the base, the forge (None: nothing is pushed), the clock, a person's order."""

    base: Base
    forge: Forge | None
    now: datetime
    order: Order | None = None


def respond_to_all(breaches: Iterable[Breach], responder: Responder) -> Iterator[BreachResponse | UserError]:
    """Answer breaches, each version once, by the strongest of its breaches. One that fails keeps no other waiting."""
    base, now = responder.base, responder.now
    groups: dict[tuple[str, str | None], list[Breach]] = {}
    for breach in breaches:
        groups.setdefault((breach.rollout, breach.version), []).append(breach)
    chosen: list[Breach] = []
    acted_on: list[Breach] = []
    for group in groups.values():
        try:
            strongest_one = strongest_breach(group, base, now)
            acted_on += [strongest_one] if would_be_acted_on(strongest_one, base, now) else []
        except Exception as error:
            yield explained(error)
            continue
        chosen.append(strongest_one)
    done: set[tuple[str, str | None]] = set()
    for breach in sorted(chosen, key=lambda each: turn(each, chosen, base)):
        if (breach.rollout, breach.version) in done:
            continue
        try:
            found = respond(breach, responder, failing=chosen, acted_on=acted_on)
        except Exception as error:
            yield explained(error)
            continue
        for part in found.decision.parts if isinstance(found.decision, Rollback) else ():
            done.add((part.rollout, part.failed))
        yield found


def respond(
    breach: Breach, responder: Responder, *, failing: Sequence[Breach] = (), acted_on: Sequence[Breach] = ()
) -> BreachResponse:
    """Decide, check, and open the pull request; with no forge everything but the last.

    ``failing`` are the breaches at the same time, ``acted_on`` those that would be acted on by themselves. If the base
    moves meanwhile, all of it is done again from there. UserError if the rollout or version is unknown, or if a person
    closed the pull request for this very breach.
    """
    base, forge = responder.base, responder.forge
    case = Case(breach, base, forge, responder.now, responder.order, tuple(failing), tuple(acted_on))
    found = _answered(case)
    for _ in range(_TRIES):
        if forge is None or not found.pushes or (newest := base.renewed()).commit == base.commit:
            break
        base = newest
        case = replace(case, base=base)
        found = _answered(case)
    if found.change is None or found.refused:
        return _on_record(found, case)
    if forge is None or base.remote is None or not found.pushes:
        return replace(found, commit=build(found.change, base))
    heads = case.heads
    landed = deliver(
        Delivery(
            found.change,
            base,
            forge,
            heads,
            ordered=responder.order is not None,
            answers=lambda head: any(_is_same(breach, each.breach) for each in incidents_in(base, head).recorded),
            observed=breach.observed_at,
            taken=case.branches,
            records=frozenset(base.path(f"incidents/{name}.yaml") for name in _incidents(found.decision)),
        )
    )
    done = replace(found, commit=landed.commit, landed=landed)
    notes = [*landed.notes, *_tell_the_forge(done, forge)]
    if isinstance(found.decision, Rollback) or (isinstance(found.decision, NoRollbackTarget) and case.is_stuck_on_base):
        draft_for = breach.rollout if found.verdict.action == "draft" else None
        notes += supersede_others(
            found.decision, base, landed.pull_request, forge, heads, case.branches, draft_for=draft_for
        )
    return replace(done, notes=tuple(notes))


def _on_record(found: BreachResponse, case: Case) -> BreachResponse:
    """Close the open rollbacks of a version that nothing can replace, if the base has its incident already."""
    decision, base, forge = found.decision, case.base, case.forge
    if forge is None or base.remote is None or not isinstance(decision, NoRollbackTarget):
        return found
    if not (found.is_stuck and case.is_stuck_on_base):
        return found
    return replace(found, notes=tuple(supersede_others(decision, base, None, forge, case.heads, case.branches)))


def _incidents(decision: Rollback | NoRollbackTarget | NoAction) -> list[str]:
    """Return the names of the incidents that a decision opens."""
    if isinstance(decision, Rollback):
        return [part.incident for part in decision.parts]
    return [decision.incident] if isinstance(decision, NoRollbackTarget) else []


def _answered(case: Case) -> BreachResponse:
    decided = case.decide()
    return BreachResponse(
        case.breach,
        case.base,
        decided.decision,
        decided.verdict,
        change=decided.change,
        refused=decided.refused,
        under_way=decided.under_way,
    )


def _is_same(breach: Breach, other: Breach) -> bool:
    """Return whether two breaches are one alert, told twice: its number and its text may have changed."""
    facts = [(each.source, each.version, each.trigger, int(each.observed_at.timestamp())) for each in (breach, other)]
    return facts[0] == facts[1]


def _tell_the_forge(done: BreachResponse, forge: Forge) -> list[str]:
    """Comment on a rollback that was there before, and on steps that are under way."""
    assert done.landed is not None
    base, pull = done.base, done.landed.pull_request
    if not isinstance(done.decision, Rollback):
        return []
    rollback = done.decision
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


def _told(done: BreachResponse) -> bool:
    """Return whether the rollback that is adopted was made for this very breach."""
    assert done.landed is not None
    return any(_is_same(done.breach, each.breach) for each in incidents_in(done.base, done.landed.commit).recorded)
