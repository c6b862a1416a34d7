"""Responses to breaches: a pull request, a notice, or the reason for no action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import GuardVerdict, NoAction, NoRollbackTarget, Order, Rollback
from rollout_spec.rollback.pull_request import repeat_comment
from rollout_spec.workflows.attest import attestation
from rollout_spec.workflows.base_branch import Base, build
from rollout_spec.workflows.breach_order import response_rank, strongest_breach, would_be_acted_on
from rollout_spec.workflows.decide import Case
from rollout_spec.workflows.hold import hold_for
from rollout_spec.workflows.pull_requests import DeliveredChange, Delivery, deliver
from rollout_spec.workflows.rebuild import incidents_in
from rollout_spec.workflows.supersede import supersede_others
from rollout_spec.workflows.warned_steps import warn_open_steps

_TRIES = 5


@dataclass(frozen=True)
class BreachResponse:
    """The response to a breach.

    ``refused`` are the errors that the rollback would introduce. ``commit`` was built, and pushed if the verdict allows
    it; ``delivered`` has its pull request. ``notes`` describe other actions and their failures. ``open_steps`` are the
    branches of lifecycle steps of the rollout.
    """

    breach: Breach
    base: Base
    decision: Rollback | NoRollbackTarget | NoAction
    verdict: GuardVerdict
    change: ProposedChange | None = None
    commit: str | None = None
    delivered: DeliveredChange | None = None
    refused: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    open_steps: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 1 if the breach needs a rollback and none was proposed."""
        return (
            1 if self.refused or isinstance(self.decision, NoRollbackTarget) or self.verdict.action == "notify" else 0
        )

    @property
    def pushes(self) -> bool:
        """Return whether the verdict allows a push: of a rollback, or of the incident alone."""
        acts = self.has_no_target or self.verdict.action in ("act", "draft")
        return self.change is not None and not self.refused and acts

    @property
    def has_no_target(self) -> bool:
        """Return whether there is no rollback target and no other guard applies."""
        return isinstance(self.decision, NoRollbackTarget) and all(
            each.guard == "way-back" for each in self.verdict.reasons
        )


@dataclass(frozen=True)
class FailedResponse:
    """An error in place of a response to a breach."""

    breach: Breach
    error: UserError


@dataclass(frozen=True)
class Responder:
    """The context of responses: base, forge (None: nothing is pushed), time, and a person's order.

    ``attests``: the workspace on the base may let this process set a required status on rollbacks that it built.
    ``before_push`` is called with each response whose branch is about to be pushed.
    """

    base: Base
    forge: Forge | None
    now: datetime
    order: Order | None = None
    attests: bool = False
    before_push: Callable[[BreachResponse], None] = lambda _: None


def respond_to_all(
    breaches: Iterable[Breach], responder: Responder, *, concurrent: Sequence[Breach] = ()
) -> Iterator[BreachResponse | FailedResponse]:
    """Respond to the strongest breach of each version. An error in one response stops no other.

    ``concurrent`` are breaches that get no response here, but count for a shared cause.
    """
    base, now = responder.base, responder.now
    groups: dict[tuple[str, str | None], list[Breach]] = {}
    for breach in breaches:
        groups.setdefault((breach.rollout, breach.version), []).append(breach)
    chosen: list[Breach] = []
    acted_on = list(concurrent)
    for group in groups.values():
        try:
            strongest_one = strongest_breach(group, base, now)
            acted_on += [strongest_one] if would_be_acted_on(strongest_one, base, now) else []
        except Exception as error:
            yield FailedResponse(group[0], as_user_error(error))
            continue
        chosen.append(strongest_one)
    answered: set[tuple[str, str | None]] = set()
    for breach in sorted(chosen, key=lambda each: response_rank(each, chosen, base)):
        if (breach.rollout, breach.version) in answered:
            continue
        try:
            response = respond(breach, responder, failing=chosen, acted_on=acted_on)
        except Exception as error:
            yield FailedResponse(breach, as_user_error(error))
            continue
        for part in response.decision.parts if isinstance(response.decision, Rollback) else ():
            answered.add((part.rollout, part.failed))
        yield response


def respond(
    breach: Breach, responder: Responder, *, failing: Sequence[Breach] = (), acted_on: Sequence[Breach] = ()
) -> BreachResponse:
    """Decide, check and open the pull request; without a forge, open none.

    ``failing`` are the breaches at the same time, ``acted_on`` those that the automation may act on alone. If the base
    moves meanwhile, start again from its new commit. UserError if the rollout or version is unknown, or if a person
    closed the pull request for this breach.
    """
    base, forge = responder.base, responder.forge
    case = Case(breach, base, forge, responder.now, responder.order, tuple(failing), tuple(acted_on))
    response = _decide(case)
    for _ in range(_TRIES):
        if forge is None or not response.pushes or (newest := base.renewed()).commit == base.commit:
            break
        base = newest
        case = replace(case, base=base)
        response = _decide(case)
    if response.change is None or response.refused:
        return _close_outdated_if_recorded(response, case)
    if forge is None or base.remote is None or not response.pushes:
        return replace(response, commit=build(response.change, base))
    responder.before_push(response)
    return _deliver(response, case, forge, attests=responder.attests)


def _deliver(response: BreachResponse, case: Case, forge: Forge, *, attests: bool) -> BreachResponse:
    """Push the change of a response, open its pull request, and close outdated ones."""
    assert response.change is not None
    breach, base, decision = case.breach, case.base, response.decision
    delivered = deliver(
        Delivery(
            response.change,
            base,
            forge,
            case.heads,
            ordered=case.order is not None,
            answers=lambda head: any(_is_same(breach, each.breach) for each in incidents_in(base, head).recorded),
            observed=breach.observed_at,
            taken=case.branches,
            records=frozenset(base.path(f"incidents/{name}.yaml") for name in _incident_names(decision)),
            holds=hold_for(response.verdict, base) if case.order is None else None,
            attest=attestation(decision, response.verdict, response.change, case, forge) if attests else None,
        )
    )
    done = replace(response, commit=delivered.commit, delivered=delivered)
    notes, pull = [*delivered.notes, *_comment_on_pull_requests(done, forge)], delivered.pull_request
    if isinstance(decision, Rollback) or (isinstance(decision, NoRollbackTarget) and case.has_no_target_on_base):
        draft_for = breach.rollout if response.verdict.action == "draft" else None
        notes += supersede_others(decision, base, pull, forge, case.heads, case.branches, draft_for=draft_for)
    return replace(done, notes=tuple(notes))


def _close_outdated_if_recorded(response: BreachResponse, case: Case) -> BreachResponse:
    """Close the open rollbacks of a version without rollback target if the base has its incident already."""
    decision, base, forge = response.decision, case.base, case.forge
    if forge is None or base.remote is None or not isinstance(decision, NoRollbackTarget):
        return response
    if not (response.has_no_target and case.has_no_target_on_base):
        return response
    return replace(response, notes=tuple(supersede_others(decision, base, None, forge, case.heads, case.branches)))


def _incident_names(decision: Rollback | NoRollbackTarget | NoAction) -> list[str]:
    """Return the names of the incidents that a decision opens."""
    if isinstance(decision, Rollback):
        return [part.incident for part in decision.parts]
    return [decision.incident] if isinstance(decision, NoRollbackTarget) else []


def _decide(case: Case) -> BreachResponse:
    prepared = case.decide()
    return BreachResponse(
        case.breach,
        case.base,
        prepared.decision,
        prepared.verdict,
        change=prepared.change,
        refused=prepared.refused,
        open_steps=prepared.open_steps,
    )


def _is_same(breach: Breach, other: Breach) -> bool:
    """Return whether two breaches are the same alert; its value and text may differ."""
    keys = [(each.source, each.version, each.trigger, int(each.observed_at.timestamp())) for each in (breach, other)]
    return keys[0] == keys[1]


def _comment_on_pull_requests(done: BreachResponse, forge: Forge) -> list[str]:
    """Comment on an adopted rollback, and on open lifecycle steps. Return notes."""
    assert done.delivered is not None
    base, pull = done.base, done.delivered.pull_request
    if not isinstance(done.decision, Rollback):
        return []
    rollback = done.decision
    notes: list[str] = []
    try:
        if done.delivered.adopted and pull.state == "open" and not _is_adopted_for_same_breach(done):
            forge.comment(
                pull, f"breach-{done.breach.trigger or done.breach.source}", repeat_comment(rollback, done.verdict)
            )
        warn_open_steps(rollback, pull.url, done.open_steps, base, forge, notes)
    except UserError as error:
        notes.append(error.message)
    return notes


def _is_adopted_for_same_breach(done: BreachResponse) -> bool:
    """Return whether the adopted rollback was made for this breach."""
    assert done.delivered is not None
    return any(_is_same(done.breach, each.breach) for each in incidents_in(done.base, done.delivered.commit).recorded)
