"""A repository and a breach in; the version to go back to, the edits and the words out. No git, no network, no clock.

``undone`` says which commits a rollback undoes, ``severity`` whether it may merge itself; ``incident`` writes the file
that quarantines the failed version; ``decision`` chooses and edits; ``words`` writes the commit message and the pull
request. Each imports only from those before it.
"""

from __future__ import annotations

from rollout_spec.rollback.decision import Nothing, NoWayBack, Rollback, failed_version, roll_back
from rollout_spec.rollback.undone import Step, Undone, undone_by

__all__ = ["NoWayBack", "Nothing", "Rollback", "Step", "Undone", "failed_version", "roll_back", "undone_by"]
