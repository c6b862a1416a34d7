"""A repository and a breach in; the version to go back to, the edits and the words out. No git, no network, no clock.

``verdict`` is how far a breach may go by itself; ``undone`` says which commits a rollback undoes, ``severity`` whether
the trigger asks a person; ``incident`` writes the file that quarantines the failed version; ``stack`` takes components
back; ``decision`` chooses and edits; ``pause`` and ``guards`` judge; ``markdown``, ``body`` and ``words`` write the
pull request and the commit message. Each imports only from those before it.
"""

from __future__ import annotations

from rollout_spec.rollback.decision import Nothing, NoWayBack, Rollback, failed_version, roll_back
from rollout_spec.rollback.guards import DAY, Facts, Precedent, guard
from rollout_spec.rollback.severity import may_merge_itself
from rollout_spec.rollback.undone import Step, Undone, undone_by
from rollout_spec.rollback.verdict import Reason, Verdict

__all__ = [
    "DAY",
    "Facts",
    "NoWayBack",
    "Nothing",
    "Precedent",
    "Reason",
    "Rollback",
    "Step",
    "Undone",
    "Verdict",
    "failed_version",
    "guard",
    "may_merge_itself",
    "roll_back",
    "undone_by",
]
