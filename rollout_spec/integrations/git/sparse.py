"""The files of a commit that git left out of a checkout. What is left out is not known there, and is not nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_SPLIT = "sharedindex.*"
_CONFIGURED = re.compile(r"sparsecheckout", re.IGNORECASE)


def left_out(root: Path, folders: Sequence[str]) -> list[str]:
    """Return those folders, by their paths from the git root, of which git left any file out of the checkout.

    Git is asked only if its index may say so: to start it costs more than to check a file.
    """
    if not is_possible(root):
        return []
    from rollout_spec.integrations.git.command import Plumbing

    told = Plumbing(root).run("ls-files", "-t", "-z", "--", *folders)
    paths = [entry[2:] for entry in told.split("\0") if entry.startswith("S ")]
    absent = [path for path in paths if not (root / path).is_symlink() and not (root / path).exists()]
    return [folder for folder in folders if any(path.startswith(f"{folder}/") for path in absent)]


def is_possible(root: Path) -> bool:
    """Return whether the index of a clone or linked worktree may have entries that are not checked out.

    In version 2 of its format there is no place for that. Version 3 is written for nothing else, but for files that are
    intended to be added; version 4, and an index in two parts, for any reason.
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
    """Return whether the configuration of a clone, or of one of its worktrees, speaks of sparse checkouts."""
    shared = folder / "commondir"
    common = folder / shared.read_text("utf-8").strip() if shared.is_file() else folder
    if (folder / "info" / "sparse-checkout").is_file():
        return True
    files = (common / "config", folder / "config.worktree", common / "config.worktree")
    return any(file.is_file() and _CONFIGURED.search(file.read_text("utf-8", "replace")) for file in files)


def _git_folder(root: Path) -> Path:
    """Return where git keeps what it knows of a clone, a linked worktree or a submodule."""
    place = root / ".git"
    if place.is_file():
        return root / place.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
    return place
