"""Folders with files that a sparse checkout leaves out.

Such a file exists, but its content is unknown here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_SPLIT = "sharedindex.*"
_CONFIGURED = re.compile(r"sparsecheckout", re.IGNORECASE)


def left_out(root: Path, folders: Sequence[str]) -> list[str]:
    """Return the folders with a file that git left out of the checkout. Paths are from the git root.

    Git runs only if the index may have such entries: its start takes longer than the check of a file.
    """
    if not is_possible(root):
        return []
    from rollout_spec.integrations.git.command import Plumbing

    output = Plumbing(root).run("ls-files", "-t", "-z", "--", *folders)
    paths = [entry[2:] for entry in output.split("\0") if entry.startswith("S ")]
    absent = [path for path in paths if not (root / path).is_symlink() and not (root / path).exists()]
    return [folder for folder in folders if any(path.startswith(f"{folder}/") for path in absent)]


def is_possible(root: Path) -> bool:
    """Return whether the index of a clone or linked worktree may have entries that are not checked out.

    Version 2 of the format has no field for that. Version 3 is written for such entries and for files with intent to
    add; version 4 and a split index are written for any reason.
    """
    folder = _git_folder(root)
    try:
        with (folder / "index").open("rb") as file:
            head = file.read(8)
    except OSError:
        return False
    version = int.from_bytes(head[4:8], "big") if head[:4] == b"DIRC" else 0
    if version == 3:
        return True
    if version == 2 and not any(folder.glob(_SPLIT)):
        return False
    return _is_configured(folder)


def _is_configured(folder: Path) -> bool:
    """Return whether the configuration of a clone or worktree mentions sparse checkouts."""
    commondir_file = folder / "commondir"
    common = folder / commondir_file.read_text("utf-8").strip() if commondir_file.is_file() else folder
    if (folder / "info" / "sparse-checkout").is_file():
        return True
    files = (common / "config", folder / "config.worktree", common / "config.worktree")
    return any(file.is_file() and _CONFIGURED.search(file.read_text("utf-8", "replace")) for file in files)


def _git_folder(root: Path) -> Path:
    """Return the git folder of a clone, a linked worktree or a submodule."""
    path = root / ".git"
    if path.is_file():
        return root / path.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
    return path
