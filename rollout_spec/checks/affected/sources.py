"""The other workspaces of the git repository on which one depends.

They are those of ``after`` and ``incidentsFrom``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from rollout_spec.workspace.incident_sources import incident_sources, unknown_sources
from rollout_spec.workspace.repository import Repository


def other_workspaces(repository: Repository, base: Repository) -> Iterator[tuple[str, Repository, Repository] | None]:
    """Yield each other workspace that is read: its path from this one, and both sides of the change.

    None for one that is missing, does not load, or is another one than on the base.
    """
    settings = repository.settings
    if unknown_sources(repository) or unknown_sources(base):
        yield None
    now, before = incident_sources(repository), incident_sources(base)
    paths = [posixpath.relpath(each.tree.location, base.tree.location) for each in before]
    paired = [repository.elsewhere(path) for path in paths]
    if {each.tree.location for each in now} != {each.tree.location if each else None for each in paired}:
        yield None
    upstream = posixpath.normpath(settings.after) if settings is not None and settings.after is not None else None
    for path in dict.fromkeys((*paths, *([upstream] if upstream is not None else []))):
        after, then = repository.elsewhere(path), base.elsewhere(path)
        yield (path, after, then) if after is not None and then is not None else None
