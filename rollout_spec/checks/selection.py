"""The files that a check covers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rollout_spec.checks.context import Context, is_sound
from rollout_spec.checks.file_check import is_in_own_folder
from rollout_spec.checks.policies import pack_paths
from rollout_spec.spec.kinds import FOLDERS, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workspace.loader import is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class Selection:
    """The documents to examine, by their paths; None for all of them.

    ``changed`` are the changed paths, for links among them. ``settled`` are comparisons that are not repeated, see
    ``rules.Subject``.
    """

    documents: Collection[str] | None = None
    changed: Collection[str] = ()
    settled: frozenset[str] = frozenset()


EVERYTHING = Selection()


def selected(repository: Repository, prefix: str, selection: Selection) -> list[str]:
    """Return the files of a workspace that are examined: its settings, pauses, and the selected documents."""
    if selection.documents is None:
        return list(files(repository, prefix))
    documents = [path for folder in FOLDERS for path in _selected_in(folder, selection.documents, repository)]
    packs = (path for path in _present_packs(repository) if path in selection.documents and path not in documents)
    return [*_settings(repository, prefix), *documents, *packs]


def _selected_in(folder: str, documents: Collection[str], repository: Repository) -> Iterator[str]:
    """Yield the selected documents of a folder that exist, in order."""
    known = {*repository.names(folder)}
    inside = (path for path in documents if path.startswith(f"{folder}/"))
    names = (path.removeprefix(f"{folder}/").removesuffix(".yaml") for path in inside)
    yield from (f"{folder}/{name}.yaml" for name in sorted({*names} & known))


def files(repository: Repository, prefix: str) -> Iterator[str]:
    """Yield the files of a workspace, its settings first, with the pauses here and at the git root."""
    yield from _settings(repository, prefix)
    for folder in FOLDERS:
        for name in repository.names(folder):
            yield f"{folder}/{name}.yaml"
    for path in _present_packs(repository):
        if not is_in_own_folder(path):
            yield path


def _settings(repository: Repository, prefix: str) -> Iterator[str]:
    yield WORKSPACE_FILE
    names = repository.tree.names("")
    yield from (name for name in names if name == PAUSE_FILE or is_mistaken_for_pause(name))
    up = "../" * len(PurePosixPath(prefix).parts)
    root = repository.tree.elsewhere(up) if prefix else None
    if prefix and (repository.file(up + PAUSE_FILE) is not None or repository.link(up + PAUSE_FILE) is not None):
        yield up + PAUSE_FILE
    yield from (up + name for name in (root.names("") if root is not None else ()) if is_mistaken_for_pause(name))


def _present_packs(repository: Repository) -> Iterator[str]:
    """Yield the paths of packs that the workspace names and that exist."""
    return (path for path in pack_paths(repository) if repository.pack(path))


def broken_inputs(paths: Sequence[str], context: Context) -> Iterator[str]:
    """Yield the inputs of the files under check that do not load.

    The checks of the files that depend on them cannot pass. Inputs are the workspace, its packs, and the components
    that rollouts pin. A check of everything has them already.
    """
    repository = context.repository
    for path in dict.fromkeys(_inputs(paths, context)):
        file = repository.file(path) if path not in paths else None
        if file is not None and not is_sound(file, context.repository):
            yield path


def _inputs(paths: Sequence[str], context: Context) -> Iterator[str]:
    repository = context.repository
    if any(path.partition("/")[0] in ("rollouts", "components", "incidents") for path in paths):
        yield WORKSPACE_FILE
    rollouts = [repository.file(path) for path in paths if path.startswith("rollouts/")]
    if rollouts and context.now:
        yield from _present_packs(repository)
    for file in rollouts:
        records = file.model.spec.versions.values() if file and file.kind == "ModelRollout" and file.model else ()
        for record in records:
            yield from (f"components/{name}.yaml" for name in record.requires or {})
