"""Findings about links, and about files that are not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollout_spec.checks.file_check import is_own
from rollout_spec.checks.rules import no_links
from rollout_spec.core.findings import Finding
from rollout_spec.domain.incidents import strays
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.repository import Repository

_LINKS = "no-links"
MANIFESTS, INCIDENTS = "manifests", "incidents"


def links(todo: Sequence[str], repository: Repository, *, whole: bool) -> Iterator[Finding]:
    """Point at the links that concern the files under check, or at all of the workspace."""
    links: list[str | None] = []
    if whole:
        links += (repository.link(path) for path in todo if not is_own(path))
        links += no_links.in_workspace(repository)
    else:
        links += (link for path in todo for link in no_links.concerning(path, repository))
    for problem in no_links.problems(links):
        yield Finding(problem.file or "", 1, 1, _LINKS, problem.message, hint=problem.hint)


def stray_files(repository: Repository) -> Iterator[Finding]:
    """Point at files that look like documents and that nobody reads."""
    for folder in (*FOLDERS, MANIFESTS, "templates"):
        if repository.tree.read(folder) is not None:
            yield Finding(folder, 1, 1, "names-match", "this is a file, and a folder is expected", hint="remove it")
    for folder in FOLDERS:
        for name in repository.tree.names(folder):
            path = f"{folder}/{name}"
            stem, _, ending = name.rpartition(".")
            if ending != "yaml" and ending.lower() in ("yml", "yaml"):
                words, hint = f"nobody reads a file that ends in .{ending}", f"rename it to {stem}.yaml"
            elif folder == INCIDENTS and not name.endswith(".yaml"):
                continue  # looked through below
            elif not name.endswith(".yaml") and (inside := _documents(path, repository)):
                words, hint = f"nobody reads files in folders below {folder}/", f"move them to {folder}/"
                path = f"{path}/{inside[0]}"
            else:
                continue
            yield Finding(path, 1, 1, "names-match", words, hint=hint)
    for path in strays(repository):
        if not path.lower().endswith((".yml", ".yaml")) or "/" in path.removeprefix(f"{INCIDENTS}/"):
            words = f"nobody reads this as an incident: one is a file {INCIDENTS}/<name>.yaml"
            yield Finding(path, 1, 1, "names-match", words, hint="rename it, or move it there")


def _documents(folder: str, repository: Repository) -> list[str]:
    return [name for name in repository.tree.names(folder) if name.lower().endswith((".yaml", ".yml"))]
