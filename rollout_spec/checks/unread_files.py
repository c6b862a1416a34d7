"""Findings about links, and about files that are not read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rollout_spec.checks.file_check import is_in_own_folder
from rollout_spec.checks.rules import no_links
from rollout_spec.core.findings import Finding
from rollout_spec.domain.incident_files import misplaced_files
from rollout_spec.spec.kinds import FOLDERS, OUTPUTS
from rollout_spec.workspace.repository import Repository

_LINKS, _NAMES = "no-links", "names-match"
_INCIDENTS = "incidents"


def link_findings(paths: Sequence[str], repository: Repository, *, whole: bool) -> Iterator[Finding]:
    """Yield the links that concern the files under check, or all links of the workspace."""
    links: list[str | None] = []
    if whole:
        links += (repository.link(path) for path in paths if not is_in_own_folder(path))
        links += no_links.in_workspace(repository)
    else:
        links += (link for path in paths for link in no_links.concerning(path, repository))
    return _findings(links)


def changed_links(paths: Sequence[str], changed: Collection[str], repository: Repository) -> Iterator[Finding]:
    """Yield the links among the changed paths, and those that concern the files under check."""
    links = [link for path in paths for link in no_links.concerning(path, repository)]
    links += (repository.link(folder) for folder in no_links.OWN)
    own = (path for path in changed if path.partition("/")[0] in no_links.OWN)
    return _findings([*links, *(link for path in own for link in repository.tree.links(path))])


def _findings(links: Iterable[str | None]) -> Iterator[Finding]:
    for problem in no_links.problems(links):
        yield Finding(problem.file or "", 1, 1, _LINKS, problem.message, hint=problem.hint)


def unread_files(repository: Repository) -> Iterator[Finding]:
    """Yield the files of a workspace that look like documents but are not read."""
    for folder in (*FOLDERS, *OUTPUTS, "templates"):
        if repository.tree.read(folder) is not None:
            yield Finding(folder, 1, 1, _NAMES, "this must be a folder, not a file", hint="remove it")
    for folder in FOLDERS:
        for name in repository.others(folder):
            yield from _unread(folder, name, repository)
    for path in misplaced_files(repository):
        if not path.lower().endswith((".yml", ".yaml")) or "/" in path.removeprefix(f"{_INCIDENTS}/"):
            message = f"this is not read as an incident: it must be a file {_INCIDENTS}/<name>.yaml"
            yield Finding(path, 1, 1, _NAMES, message, hint="rename or move it")


def _unread(folder: str, name: str, repository: Repository) -> Iterator[Finding]:
    path = f"{folder}/{name}"
    stem, _, ending = name.rpartition(".")
    if ending != "yaml" and ending.lower() in ("yml", "yaml"):
        message = f"this file is not read: its name ends in .{ending}"
        yield Finding(path, 1, 1, _NAMES, message, hint=f"rename it to {stem}.yaml")
    elif folder == _INCIDENTS or name.endswith(".yaml"):
        return  # ``misplaced_files`` finds the unread incidents
    elif documents := _documents(path, repository):
        message = f"this file is not read: it must lie directly in {folder}/"
        yield Finding(f"{path}/{documents[0]}", 1, 1, _NAMES, message, hint=f"move it to {folder}/")


def _documents(folder: str, repository: Repository) -> list[str]:
    return [name for name in repository.tree.names(folder) if name.lower().endswith((".yaml", ".yml"))]
