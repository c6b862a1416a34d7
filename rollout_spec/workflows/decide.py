"""The rollback for one breach on one base, the verdict of the guards, and the proposed change."""

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
    UndoneCommits,
    deciding_rollbacks,
    evaluate_guards,
    roll_back,
    roll_back_together,
)
from rollout_spec.rollback.commit import incident_change, rollback_change
from rollout_spec.rollback.guards import combine_verdicts
from rollout_spec.rollback.incident import breach_of
from rollout_spec.rollback.triage import name_shared_cause
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Built, Heads
from rollout_spec.workflows.manifest_diff import compare_manifests
from rollout_spec.workflows.open_incidents import OpenIncident, carried_by, open_incidents, quarantines_of
from rollout_spec.workflows.person_findings import left_to_a_person
from rollout_spec.workflows.rebuild import build_again, incidents_in, undone_for
from rollout_spec.workflows.rollback_history import (
    branches_of,
    closed_by_a_person,
    open_step_branches,
    past_rollbacks,
    pauses,
)


@dataclass(frozen=True)
class PreparedRollback:
    """The decision on a breach.

    ``refused`` are errors that its rollback would introduce; then it has no change.
    """

    decision: Rollback | NoRollbackTarget | NoAction
    verdict: GuardVerdict
    change: ProposedChange | None = None
    refused: tuple[Finding, ...] = ()
    open_steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One breach on one base.

    ``failing`` are all breaches at the time, ``acted_on`` those that need no person.
    """

    breach: Breach
    base: Base
    forge: Forge | None
    now: datetime
    order: Order | None = None
    failing: tuple[Breach, ...] = ()
    acted_on: tuple[Breach, ...] = ()

    def decide(self) -> PreparedRollback:
        """Decide on a rollback, apply the guards, and check the result."""
        first = roll_back(self.base.repository, self.breach)
        if isinstance(first, NoAction):
            return PreparedRollback(first, evaluate_guards(first, self.breach, Facts(), self.base.automation, self.now))
        past, breach = self._past_and_shared_cause(first.failed)
        undone = undone_for(breach, self.base)
        decision = roll_back(self.base.repository, breach, undone, open_incidents=self._unmerged)
        parts: tuple[Rollback | NoRollbackTarget | NoAction, ...] = (decision,)
        if isinstance(decision, Rollback):
            decision = self._joint_rollback(decision, undone) or decision
            parts = decision.parts
        verdict = combine_verdicts(
            self._draft_if_unreported(part, self._verdict_on(part, breach, undone, past)) for part in parts
        )
        open_steps = open_step_branches(self.base, self.branches, breach.rollout)
        return self._checked(PreparedRollback(decision, verdict, open_steps=open_steps))

    @property
    def has_no_target_on_base(self) -> bool:
        """Return whether the base alone shows no rollback target. Branches do not count: anybody may push one."""
        return isinstance(roll_back(self.base.repository, self.breach), NoRollbackTarget)

    @cached_property
    def branches(self) -> dict[str, str]:
        """The branches of this workspace on the remote at the time of the decision."""
        return branches_of(self.base)

    @cached_property
    def _was_closed(self) -> Callable[[str], bool]:
        return closed_by_a_person(self.base, self.forge)

    @cached_property
    def _open_incidents(self) -> tuple[OpenIncident, ...]:
        return open_incidents(self.base, self.branches, self.breach.rollout)

    @cached_property
    def heads(self) -> Heads:
        """The heads of rollback and incident branches."""
        return Heads(self.base, self._rebuild)

    def _rebuild(self, base: Base, commit: str) -> Built | None:
        """Rebuild the change of a commit, with the incidents that it carries."""
        incidents = incidents_in(base, commit)
        if not all(self._is_carried(path, content) for path, content in incidents.carried.items()):
            return None
        return build_again(base, incidents.recorded, OpenIncidents(incidents.carried))

    def _is_carried(self, path: str, content: bytes) -> bool:
        """Return whether a carried incident is from the base or from a head that answers it.

        Other heads that carry it do not count: anybody may push the same file twice.
        """
        heads = {each.head for each in self._open_incidents if (each.path, each.content) == (path, content)}
        if any(not self.heads.is_late and path not in carried_by(self.base, head) for head in heads):
            return True
        return self.base.git.read(self.base.commit, self.base.path(path)) is not None

    @cached_property
    def _unmerged(self) -> OpenIncidents:
        return self._unmerged_of(self.breach.rollout)

    def _unmerged_of(self, rollout: str) -> OpenIncidents:
        return quarantines_of(self.base, self._open_incidents, rollout, self.heads, self._was_closed, self.branches)

    def _is_ignored(self, rollback: PastRollback) -> bool:
        """Return whether to ignore an open rollback: a person closed it, or this tool does not build it."""
        heads = {each.branch: each.head for each in self._open_incidents}
        branch = rollback.branch or ""
        if self._was_closed(branch) or branch not in heads:
            return self._was_closed(branch)
        return not self.heads.is_late and not self.heads.is_ours(heads[branch])

    def _past_and_shared_cause(self, failed: str) -> tuple[tuple[PastRollback, ...], Breach]:
        """Return the past rollbacks, and the breach with its shared cause named, if there is one."""
        past = past_rollbacks(self.base, self._open_incidents, self.breach.rollout)
        if self._name_cause(failed, past) is self.breach:
            return past, self.breach
        # Branches are examined only now: that takes time, and anybody may have pushed them.
        counted = (replace(each, is_discounted=self._is_ignored(each)) if each.branch else each for each in past)
        past = tuple(counted)
        return past, self._name_cause(failed, past)

    def _name_cause(self, failed: str, past: tuple[PastRollback, ...]) -> Breach:
        facts = Facts(past, self._other_breaches)
        return name_shared_cause(self.breach, failed, facts, self.base.automation, self.base.repository)

    @property
    def _other_breaches(self) -> tuple[Breach, ...]:
        return tuple(each for each in self.acted_on if each.rollout != self.breach.rollout)

    def _verdict_on(
        self,
        part: Rollback | NoRollbackTarget | NoAction,
        breach: Breach,
        undone: UndoneCommits,
        past: tuple[PastRollback, ...],
    ) -> GuardVerdict:
        if isinstance(part, Rollback):
            breach, undone = part.breach, part.undone
        facts = Facts(
            past, self._other_breaches, pauses(self.base), undone.since, undone.served_before, undone.reverted_at
        )
        order = self.order
        if order is not None and isinstance(part, Rollback) and part.rollout != self.breach.rollout:
            order = Order()  # no guard holds a person's order, but it enables auto-merge only for its own rollout
        asked = deciding_rollbacks(part, breach, facts, self.base.automation, self.now, order)
        facts = facts.with_discounted([each for each in asked if self._is_ignored(each)])
        return evaluate_guards(part, breach, facts, self.base.automation, self.now, order)

    def _draft_if_unreported(self, part: Rollback | NoRollbackTarget | NoAction, verdict: GuardVerdict) -> GuardVerdict:
        """Return a draft verdict if only a branch reports the breach of another rollout."""
        reported = {(each.rollout, each.version) for each in (self.breach, *self.failing)}
        if not isinstance(part, Rollback) or verdict.action != "act":
            return verdict
        if part.rollout == self.breach.rollout or (part.rollout, part.failed) in reported:
            return verdict
        message = f"only a branch reports that {part.rollout} {part.failed} failed"
        return GuardVerdict("draft", (Reason("component", message),), held=verdict.held)

    def _joint_rollback(self, decision: Rollback, undone: UndoneCommits) -> Rollback | None:
        """Return one rollback with the failing holders of an exclusive component; None unless all fail."""
        holders = decision.blocking_versions
        partners = self._partners(holders) if holders else {}
        if not holders or holders != partners.keys():
            return None
        breaches = sorted([decision.breach, *partners.values()], key=lambda each: each.rollout)
        failures = [(each, undone if each is decision.breach else undone_for(each, self.base)) for each in breaches]
        try:
            unmerged = {each.rollout: self._unmerged_of(each.rollout) for each in breaches}
            return roll_back_together(self.base.repository, failures, unmerged)
        except UserError:
            return None

    def _partners(self, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Breach]:
        """Return the wanted breaches of other rollouts: of this payload, or of open rollbacks of this tool."""
        breaches = {(each.rollout, each.version or ""): each for each in self.failing}
        for each in self._open_incidents:
            spec = each.incident.spec if each.incident else None
            key = (spec.rollout, spec.failed_version) if spec else ("", "")
            if spec is None or key in breaches or key not in wanted or not each.branch.startswith("rollback"):
                continue
            if not self.heads.is_late and self.heads.is_ours(each.head) and not self._was_closed(each.branch):
                breaches[key] = breach_of(spec)
        return {key: breaches[key] for key in wanted if key in breaches}

    def _checked(self, prepared: PreparedRollback) -> PreparedRollback:
        """Check the result. A new error refuses it, unless a person must decide about a component."""
        decision, repository, prefix = prepared.decision, self.base.repository, self.base.prefix
        if isinstance(decision, NoRollbackTarget):
            new = incident_change(decision, repository, prepared.verdict, prefix=prefix)
            return replace(prepared, change=new) if decision.edits else prepared
        assert isinstance(decision, Rollback)
        introduced, existing = new_findings(repository, decision.edits, switched=decision.switched, prefix=prefix)
        left = left_to_a_person(introduced, decision)
        if len(left) < len(introduced):
            return replace(prepared, refused=tuple(introduced))
        proof = compare_manifests(decision, repository, self.base)
        new = rollback_change(
            decision, repository, prepared.verdict, prefix=prefix, existing=existing, remaining=left, comparison=proof
        )
        return replace(prepared, change=new)
