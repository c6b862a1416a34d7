"""The examination of a workspace on this machine. It begins with git, which the other modules need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.workflows import newest
from rollout_spec.workflows.doctor.result import DoctorResult, failed
from rollout_spec.workflows.locate import WorkspaceLocation


def examine_workspace(here: WorkspaceLocation, now: datetime, tell: Callable[[str], None]) -> Iterator[DoctorResult]:
    """Yield the results of all checks of a workspace.

    ``tell`` is called with a description of each long step.
    """
    try:
        from rollout_spec.integrations.git.repository import Git
        from rollout_spec.workflows.doctor.runner import Scene, examine
    except UserError as error:  # they cannot be imported without git
        yield failed("git", error.message, error.hint)
        return
    root = here.git_root
    if root is None:
        yield failed("clone", "a rollback needs git, but this workspace is not in a git repository", "run `git init`")
        return
    scene = Scene(
        git=Git(root),
        prefix=here.prefix,
        known=lambda: newest.local_workspace(here),
        newest=lambda: newest.fetch_base(here, root),
        now=now,
        tell=tell,
    )
    yield from examine(scene)
