"""The files that a check covers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from rollout_spec.checks.file_check import Context, is_own, is_sound
from rollout_spec.spec.kinds import FOLDERS, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workspace.loader import is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository


def files(repository: Repository, prefix: str) -> Iterator[str]:
    """Give every document of a workspace, its own file first, and what pauses it: here, and at the git root."""
    yield WORKSPACE_FILE
    here = repository.tree.names("")
    yield from (name for name in here if name == PAUSE_FILE or is_mistaken_for_pause(name))
    up = "../" * len(PurePosixPath(prefix).parts)
    root = repository.tree.elsewhere(up) if prefix else None
    if prefix and (repository.file(up + PAUSE_FILE) is not None or repository.link(up + PAUSE_FILE) is not None):
        yield up + PAUSE_FILE
    yield from (up + name for name in (root.names("") if root is not None else ()) if is_mistaken_for_pause(name))
    for folder in FOLDERS:
        for name in repository.names(folder):
            yield f"{folder}/{name}.yaml"
    for reference in _own_packs(repository):
        if not is_own(reference):
            yield reference


def _own_packs(repository: Repository) -> Iterator[str]:
    """Give the paths of the packs of its own that a workspace names, as far as they are there."""
    settings = repository.settings
    for reference in settings.policies if settings else ():
        if ("/" in reference or reference.endswith(".yaml")) and repository.pack(reference):
            yield reference


def broken_inputs(todo: Sequence[str], context: Context) -> Iterator[str]:
    """Give the files that decide about those under check and cannot: that they do not load is never a pass.

    They are the workspace, its packs, and the components that rollouts pin. A check of everything has them already.
    """
    repository = context.repository
    for path in dict.fromkeys(_deciding(todo, context)):
        file = repository.file(path) if path not in todo else None
        if file is not None and not is_sound(file, repository):
            yield path


def _deciding(todo: Sequence[str], context: Context) -> Iterator[str]:
    repository = context.repository
    if any(path.partition("/")[0] in ("rollouts", "components", "incidents") for path in todo):
        yield WORKSPACE_FILE
    rollouts = [repository.file(path) for path in todo if path.startswith("rollouts/")]
    if rollouts and context.now:
        yield from _own_packs(repository)
    for file in rollouts:
        records = file.model.spec.versions.values() if file and file.kind == "ModelRollout" and file.model else ()
        for record in records:
            yield from (f"components/{name}.yaml" for name in record.requires or {})
