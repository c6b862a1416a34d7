"""A repository and a breach in; the version to go back to, the edits and the words out. No git, no network, no clock.

``decision`` chooses and edits, ``undone`` says which commits that undoes, ``incident`` writes the file that quarantines the
failed version, ``words`` writes the commit message and the pull request. They import each other from last to first.
"""

from __future__ import annotations

from rollout_spec.rollback.decision import Nothing, NoWayBack, Rollback, roll_back
from rollout_spec.rollback.undone import Step, Undone, undone_by

__all__ = ["NoWayBack", "Nothing", "Rollback", "Step", "Undone", "roll_back", "undone_by"]
