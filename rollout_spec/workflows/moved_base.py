"""Changes of the base during a pass that a step forward must not overlook.

A pass may take minutes. A pause, an incident or another step that was merged meanwhile counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.core.paths import under
from rollout_spec.spec.kinds import PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workspace.incident_sources import incident_sources


def changed_meanwhile(base: Base, rollout: str) -> str | None:
    """Fetch the base again, and return the first changed path that concerns a rollout, or None.

    Changes of other rollouts do not count: a busy base would let no step pass.
    """
    newest = base.renewed().commit
    if newest == base.commit:
        return None
    return next((path for path in _paths(base, rollout) if not base.git.is_same(base.commit, newest, path)), None)


def _paths(base: Base, rollout: str) -> Iterator[str]:
    """Yield the paths from the git root that decide if a step may be taken."""
    yield PAUSE_FILE
    for name in (PAUSE_FILE, WORKSPACE_FILE, f"rollouts/{rollout}.yaml", "incidents", "components", "policies"):
        yield base.path(name)
    for source in incident_sources(base.repository):
        for name in ("incidents", f"rollouts/{rollout}.yaml"):
            yield under(source.tree.location.removeprefix("."), name)
