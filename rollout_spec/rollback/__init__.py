"""A repository and a breach in; the version to go back to, the edits and the words out. No git, no network, no clock.

``verdict`` is how far a breach may go by itself; ``undone`` says which commits a rollback undoes, ``severity`` whether
the trigger asks a person; ``key`` names the branch; ``incident`` writes the file that quarantines the failed version;
``stack`` takes components back; ``decision`` chooses and edits; ``pause`` and ``guards`` judge, ``triage`` chooses the
breach that is answered; ``markdown``, ``body`` and ``words`` write the pull request and the commit message. Each
imports only from those before it.
"""

from __future__ import annotations

from rollout_spec.rollback.decision import (
    Nothing,
    NoWayBack,
    OpenIncidents,
    Rollback,
    failed_version,
    roll_back,
    roll_back_together,
)
from rollout_spec.rollback.guards import DAY, Facts, Order, Precedent, guard
from rollout_spec.rollback.severity import may_merge_itself, watches
from rollout_spec.rollback.undone import Step, Undone, retaken_at, undone_by
from rollout_spec.rollback.verdict import Reason, Verdict

__all__ = [
    "DAY",
    "Facts",
    "NoWayBack",
    "Nothing",
    "OpenIncidents",
    "Order",
    "Precedent",
    "Reason",
    "Rollback",
    "Step",
    "Undone",
    "Verdict",
    "failed_version",
    "guard",
    "may_merge_itself",
    "retaken_at",
    "roll_back",
    "roll_back_together",
    "undone_by",
    "watches",
]
