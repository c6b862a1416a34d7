"""The workspaces whose incidents apply to another one, by ``incidentsFrom``."""

from __future__ import annotations

from dataclasses import dataclass

from rollout_spec.workspace.repository import Repository

MOST_SOURCES = 100
"""The most workspaces from which incidents are taken. All are read for each rollout, so the number is bounded."""


@dataclass(frozen=True)
class UnknownSource:
    """A workspace of ``incidentsFrom`` that is missing or does not load.

    ``index`` is that of the entry of ``incidentsFrom`` that leads to it. ``direct``: the entry names it directly.
    """

    index: int
    reason: str
    direct: bool


def incident_sources(repository: Repository) -> list[Repository]:
    """Return the workspaces whose quarantines apply here: those of ``incidentsFrom``, and theirs."""
    return list(repository.unrendered.once(_find_sources, _find_sources)[0])


def unknown_sources(repository: Repository) -> list[UnknownSource]:
    """Return the workspaces of ``incidentsFrom``, and of theirs, whose quarantines are not known."""
    return list(repository.unrendered.once(_find_sources, _find_sources)[1])


def _find_sources(repository: Repository) -> tuple[list[Repository], list[UnknownSource]]:
    """Follow ``incidentsFrom`` here and in the workspaces that it names."""
    sources: dict[str, Repository] = {}
    unknown: list[UnknownSource] = []
    pending: list[tuple[Repository, int | None]] = [(repository, None)]
    while pending:
        current, start = pending.pop(0)
        is_first = current is repository
        settings = current.settings
        for index, path in enumerate(settings.incidents_from[:MOST_SOURCES] if settings else ()):
            first = index if start is None else start
            if (why := _why_unknown(current, path)) is not None:
                message = why if is_first else f"{current.workspace_name} takes incidents from {path}, and {why}"
                unknown.append(UnknownSource(first, message, is_first))
            other = current.elsewhere(path)
            if other is not None and other.tree.location not in (repository.tree.location, *sources):
                sources[other.tree.location] = other
                pending.append((other, first))
    return list(sources.values()), unknown


def _why_unknown(current: Repository, path: str) -> str | None:
    """Return why the incidents of another workspace are not known, or None if it loads or is this one."""
    tree = current.tree.elsewhere(path)
    if tree is not None and tree.location == current.tree.location:
        return None
    other = current.elsewhere(path)
    if other is None:
        return f"there is no workspace in {path}"
    return None if other.settings is not None else f"the workspace in {path} does not load"
