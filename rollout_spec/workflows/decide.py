"""One breach on one base: the rollback that it leads to, the verdict of the guards, and the change to propose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from rollout_spec.checks.regressions import new_findings
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import (
    Facts,
    GuardVerdict,
    NoAction,
    NoRollbackTarget,
    OpenIncidents,
    Order,
    PastRollback,
    Reason,
    Rollback,
    Undone,
    guard,
    questions,
    roll_back,
    roll_back_together,
)
from rollout_spec.rollback.commit import change, incident_change
from rollout_spec.rollback.guards import together
from rollout_spec.rollback.incident import breach_of
from rollout_spec.rollback.triage import name_shared_cause
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Built, Heads
from rollout_spec.workflows.manifest_diff import compare_manifests
from rollout_spec.workflows.open_incidents import OpenIncident, carried_by, open_incidents, quarantines_of
from rollout_spec.workflows.rebuild import build_again, incidents_in, undone_for
from rollout_spec.workflows.rollback_history import (
    branches_of,
    closed_by_a_person,
    past_rollbacks,
    pauses,
    steps_under_way,
)


@dataclass(frozen=True)
class PreparedRollback:
    """The decision on a breach. ``refused`` are the findings that its rollback would bring; then there is no change."""

    decision: Rollback | NoRollbackTarget | NoAction
    verdict: GuardVerdict
    change: ProposedChange | None = None
    refused: tuple[Finding, ...] = ()
    under_way: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One breach on one base. ``failing`` are all breaches at the same time, ``acted_on`` those that ask no person."""

    breach: Breach
    base: Base
    forge: Forge | None
    now: datetime
    order: Order | None = None
    failing: tuple[Breach, ...] = ()
    acted_on: tuple[Breach, ...] = ()

    def decide(self) -> PreparedRollback:
        """Decide, ask the guards, and check the result."""
        first = roll_back(self.base.repository, self.breach)
        if isinstance(first, NoAction):
            return PreparedRollback(first, guard(first, self.breach, Facts(), self._automation, self.now))
        known, breach = self._shared(first.failed)
        undone = undone_for(breach, self.base)
        decision = roll_back(self.base.repository, breach, undone, open_incidents=self._unmerged)
        parts: tuple[Rollback | NoRollbackTarget | NoAction, ...] = (decision,)
        if isinstance(decision, Rollback):
            decision = self._joint(decision, undone) or decision
            parts = decision.parts
        verdict = together(self._told_by_branch(part, self._judged(part, breach, undone, known)) for part in parts)
        under_way = steps_under_way(self.base, self.branches, breach.rollout)
        return self._proven(PreparedRollback(decision, verdict, under_way=under_way))

    @property
    def is_stuck_on_base(self) -> bool:
        """Return whether nothing can replace the failed version, by the base alone: anybody may push a branch."""
        return isinstance(roll_back(self.base.repository, self.breach), NoRollbackTarget)

    @property
    def _automation(self) -> Automation:
        settings = self.base.repository.settings
        return settings.automation if settings else Automation()

    @cached_property
    def branches(self) -> dict[str, str]:
        """The branches of this workspace on the remote, as they were when the case was decided."""
        return branches_of(self.base)

    @cached_property
    def _was_closed(self) -> Callable[[str], bool]:
        return closed_by_a_person(self.base, self.forge)

    @cached_property
    def _opened(self) -> tuple[OpenIncident, ...]:
        return open_incidents(self.base, self.branches, self.breach.rollout)

    @cached_property
    def heads(self) -> Heads:
        """The examiner of heads of rollbacks and incidents."""
        return Heads(self.base, self._built_again)

    def _built_again(self, base: Base, commit: str) -> Built | None:
        """Build again what a commit does, with the incidents that it brings along."""
        found = incidents_in(base, commit)
        if not all(self._is_carried(path, content) for path, content in found.carried.items()):
            return None
        return build_again(base, found.recorded, OpenIncidents(found.carried))

    def _is_carried(self, path: str, content: bytes) -> bool:
        """Return whether an incident came from elsewhere: from a head that answers it, or from the base.

        That other heads carry it along too shows nothing: anybody may push the same file twice.
        """
        heads = {each.head for each in self._opened if (each.path, each.content) == (path, content)}
        if any(path not in carried_by(self.base, head) for head in heads):
            return True
        return self.base.git.read(self.base.commit, self.base.path(path)) is not None

    @cached_property
    def _unmerged(self) -> OpenIncidents:
        return self._unmerged_of(self.breach.rollout)

    def _unmerged_of(self, rollout: str) -> OpenIncidents:
        return quarantines_of(self.base, self._opened, rollout, self.heads, self._was_closed, self.branches)

    def _counts_for_nothing(self, precedent: PastRollback) -> bool:
        """Return whether an open rollback is none: a person closed it, or it is not one that this tool builds."""
        heads = {each.branch: each.head for each in self._opened}
        branch = precedent.branch or ""
        return self._was_closed(branch) or (branch in heads and not self.heads.is_ours(heads[branch]))

    def _shared(self, failed: str) -> tuple[tuple[PastRollback, ...], Breach]:
        """Return the rollbacks that were, and the breach with the others named that failed with it, if so many did."""
        known = past_rollbacks(self.base, self._opened, self.breach.rollout)
        if self._named(failed, known) is self.breach:
            return known, self.breach
        # Branches are looked at only now: anybody may have pushed them.
        counted = (replace(each, refused=self._counts_for_nothing(each)) if each.branch else each for each in known)
        known = tuple(counted)
        return known, self._named(failed, known)

    def _named(self, failed: str, known: tuple[PastRollback, ...]) -> Breach:
        facts = Facts(known, self._beside)
        return name_shared_cause(self.breach, failed, facts, self._automation, self.base.repository)

    @property
    def _beside(self) -> tuple[Breach, ...]:
        return tuple(each for each in self.acted_on if each.rollout != self.breach.rollout)

    def _judged(
        self,
        part: Rollback | NoRollbackTarget | NoAction,
        breach: Breach,
        undone: Undone,
        known: tuple[PastRollback, ...],
    ) -> GuardVerdict:
        if isinstance(part, Rollback):
            breach, undone = part.breach, part.undone
        facts = Facts(known, self._beside, pauses(self.base), undone.since, undone.moved, undone.retaken)
        order = self.order
        if order is not None and isinstance(part, Rollback) and part.rollout != self.breach.rollout:
            order = Order()  # no guard holds the person's command, and it arms no rollout that it does not name
        asked = questions(part, breach, facts, self._automation, self.now, order)
        facts = facts.with_refused([each for each in asked if self._counts_for_nothing(each)])
        return guard(part, breach, facts, self._automation, self.now, order)

    def _told_by_branch(self, part: Rollback | NoRollbackTarget | NoAction, verdict: GuardVerdict) -> GuardVerdict:
        """Ask for a person if the breach of a partner was reported by nobody but a branch."""
        told = {(each.rollout, each.version) for each in (self.breach, *self.failing)}
        if not isinstance(part, Rollback) or verdict.action != "act":
            return verdict
        if part.rollout == self.breach.rollout or (part.rollout, part.failed) in told:
            return verdict
        words = f"that {part.rollout} {part.failed} failed is reported by a branch alone"
        return GuardVerdict("draft", (Reason("component", words),), held=verdict.held)

    def _joint(self, decision: Rollback, undone: Undone) -> Rollback | None:
        """Take the rollouts back in one commit that hold an exclusive component for this one, and fail themselves."""
        holders = decision.holders
        partners = self._partners(holders) if holders else {}
        if not holders or holders != partners.keys():
            return None
        told = sorted([decision.breach, *partners.values()], key=lambda each: each.rollout)
        failures = [(each, undone if each is decision.breach else undone_for(each, self.base)) for each in told]
        try:
            unmerged = {each.rollout: self._unmerged_of(each.rollout) for each in told}
            return roll_back_together(self.base.repository, failures, unmerged)
        except UserError:
            return None

    def _partners(self, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Breach]:
        """Return the breaches of other rollouts: of this payload, or of rollbacks that are open and ours."""
        found = {(each.rollout, each.version or ""): each for each in self.failing}
        for each in self._opened:
            spec = each.incident.spec if each.incident else None
            key = (spec.rollout, spec.failed_version) if spec else ("", "")
            if spec is None or key in found or key not in wanted or not each.branch.startswith("rollback"):
                continue
            if self.heads.is_ours(each.head) and not self._was_closed(each.branch):
                found[key] = breach_of(spec)
        return {key: found[key] for key in wanted if key in found}

    def _proven(self, found: PreparedRollback) -> PreparedRollback:
        """Check the result. A finding that it brings refuses it, unless a person has to decide about a component."""
        decision, repository, prefix = found.decision, self.base.repository, self.base.prefix
        if isinstance(decision, NoRollbackTarget):
            shown = incident_change(decision, repository, found.verdict, prefix=prefix)
            return replace(found, change=shown) if decision.edits else found
        assert isinstance(decision, Rollback)
        brought, stood = new_findings(repository, decision.edits, switched=decision.switched, prefix=prefix)
        left = left_to_a_person(brought, decision)
        if len(left) < len(brought):
            return replace(found, refused=tuple(brought))
        proof = compare_manifests(decision, repository, self.base)
        shown = change(decision, repository, found.verdict, prefix=prefix, stood=stood, left=left, proof=proof)
        return replace(found, change=shown)


def left_to_a_person(findings: Iterable[Finding], rollback: Rollback) -> list[Finding]:
    """Return the findings that follow from a component which stays as it is, because another rollout needs it so."""
    paths = [
        ("spec", "versions", part.restored, "requires", each.component)
        for part in rollback.parts
        for each in part.switches
        if each.stays
    ]
    return [each for each in findings if each.name == "pins-served" and each.path in paths]
