"""A new rollout repository in a folder: the shipped example, all of its files or none."""

from __future__ import annotations

from pathlib import Path

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.text import join_some
from rollout_spec.workflows.step import write_all
from rollout_spec.workspace.files import refuse_links
from rollout_spec.workspace.scaffold import files


def create_repository(start: Path, name: str) -> int:
    """Write a new repository, and return the number of its files.

    ``name`` is its folder, from ``start``. UserError if the folder has one of these files already.
    """
    folder, new = start / name, files()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{name} is not a directory")
    refuse_links(folder, new)
    existing = [path for path in new if (folder / path).exists()]
    if existing:
        raise UserError(
            f"{folder} has {join_some(existing, 3)} already; nothing was written",
            hint="use an empty one",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, f"cannot create {folder}") from None
    write_all(folder, new)
    return len(new)
