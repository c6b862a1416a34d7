"""The breaches of one payload: the strongest one of each version, and the order of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rollout_spec.core.breach import Breach
from rollout_spec.domain import traffic
from rollout_spec.domain.quarantine import versions_with_same_digest
from rollout_spec.rollback import Rollback, failed_version, roll_back
from rollout_spec.rollback.triage import is_acted_on, strongest
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.rebuild import undone_for


def strongest_breach(group: Sequence[Breach], base: Base, now: datetime) -> Breach:
    """Return the breach of one version that allows the automation most."""
    if len(group) == 1:
        return group[0]
    file = base.repository.rollout(group[0].rollout)
    rollout = file.model if file else None
    return strongest(group, rollout, undone_for(group[0], base), base.automation, now)


def response_rank(breach: Breach, failing: Sequence[Breach], base: Base) -> int:
    """Return the rank of a breach among those of one payload; 0 comes first.

    A candidate comes before stable if both fail and the rollback target of stable has the candidate's digest: the
    candidate's incident quarantines that target. A rollback that includes another rollout comes before the rest, so
    that the other is not rolled back alone.
    """
    if any(_quarantines_target(breach, each, base) for each in failing):
        return 0
    return 1 if _includes_another(breach, failing, base) else 2


def _quarantines_target(breach: Breach, other: Breach, base: Base) -> bool:
    """Return whether a breach of the candidate concerns the rollback target of stable too."""
    file = base.repository.rollout(breach.rollout)
    rollout = file.model if file else None
    if breach.rollout != other.rollout or rollout is None:
        return False
    failed = failed_version(rollout.spec, breach)
    if (failed, failed_version(rollout.spec, other)) != (rollout.spec.live.candidate, rollout.spec.live.stable):
        return False
    rollback = _rollback_of(other, base)
    return rollback is not None and rollback.restored in versions_with_same_digest(rollout, failed)


def _includes_another(breach: Breach, failing: Sequence[Breach], base: Base) -> bool:
    """Return whether a rollback switches a component that another failing version holds.

    Both rollbacks share a commit.
    """
    if len(failing) == 1:
        return False
    rollback = _rollback_of(breach, base)
    holders = rollback.blocking_versions if rollback is not None else ()
    return any((each.rollout, each.version) in holders for each in failing)


def _rollback_of(breach: Breach, base: Base) -> Rollback | None:
    try:
        decision = roll_back(base.repository, breach)
    except Exception:  # the response reports the error
        return None
    return decision if isinstance(decision, Rollback) else None


def would_be_acted_on(breach: Breach, base: Base, now: datetime) -> bool:
    """Return whether a breach is of a version with traffic and its trigger requires no person."""
    file = base.repository.rollout(breach.rollout)
    rollout = file.model if file else None
    if rollout is None or failed_version(rollout.spec, breach) not in traffic.split(rollout.spec).versions:
        return False
    return is_acted_on(breach, rollout, undone_for(breach, base), base.automation, now)
