"""The files that a change may affect: a check with a base examines them, and leaves the others out.

A file is left out only if all that its rules read is as on the base, so that the change introduces no finding in it. If
that cannot be decided, everything is examined. ``changes`` sorts the changed paths by what they are, ``expansion``
finds the files that depend on them.
"""

from __future__ import annotations

from collections.abc import Collection

from rollout_spec.checks.affected.changes import UndecidableError, sort_out
from rollout_spec.checks.affected.expansion import expanded
from rollout_spec.checks.selection import EVERYTHING, Selection
from rollout_spec.core.errors import UserError
from rollout_spec.workspace.repository import Repository

__all__ = ["select"]


def select(repository: Repository, base: Repository, changed: Collection[str] | None, prefix: str) -> Selection:
    """Return the files to examine after a change of some paths.

    ``changed`` are paths from the git root, and may be more than those that differ; None if they are not known. That of
    an untracked folder ends with ``/``. ``prefix`` is the workspace's folder from there.
    """
    if changed is None:
        return EVERYTHING
    try:
        return expanded(sort_out(changed, repository, base, prefix), repository, base)
    except (UndecidableError, UserError):  # UserError: a changed file cannot be read, perhaps one that no rule reads
        return EVERYTHING
