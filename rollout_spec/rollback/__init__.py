"""Decide a rollback: its target, its edits, the limits on automation, and its texts.

Imports ``render`` and below. Pure: the facts from git and the clock are arguments. Start with ``decision``, which
returns one of the ``outcomes``. ``guards`` and ``trigger_guards`` limit automation, ``triage`` chooses among several
breaches, ``components`` switches components, ``incident`` writes the quarantine, ``pull_request`` and ``commit`` write
the texts, ``key`` names the branch, ``offline_bundle`` prepares a rollback by hand.
"""

from __future__ import annotations

from rollout_spec.domain.history import Step, UndoneCommits, rollback_reverted_at, undone_commits
from rollout_spec.rollback.decision import failed_version, roll_back, roll_back_together
from rollout_spec.rollback.guard_facts import DAY, Facts, Order, PastRollback
from rollout_spec.rollback.guards import deciding_rollbacks, evaluate_guards
from rollout_spec.rollback.outcomes import NoAction, NoRollbackTarget, OpenIncidents, Rollback
from rollout_spec.rollback.trigger_guards import may_auto_merge, watches
from rollout_spec.rollback.verdict import GuardVerdict, Reason

__all__ = [
    "DAY",
    "Facts",
    "GuardVerdict",
    "NoAction",
    "NoRollbackTarget",
    "OpenIncidents",
    "Order",
    "PastRollback",
    "Reason",
    "Rollback",
    "Step",
    "UndoneCommits",
    "deciding_rollbacks",
    "evaluate_guards",
    "failed_version",
    "may_auto_merge",
    "roll_back",
    "roll_back_together",
    "rollback_reverted_at",
    "undone_commits",
    "watches",
]
