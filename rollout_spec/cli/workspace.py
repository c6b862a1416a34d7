"""The workspace of a command: around ``--repo`` or the current folder."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.workflows.locate import WorkspaceLocation, find_from


def start_of(arguments: argparse.Namespace) -> Path:
    """Return the start folder of a command: ``--repo`` or the current folder. UserError if it is absent."""
    start = _named(arguments)
    if not start.is_dir():
        raise UserError(f"no folder {arguments.repo}")
    return start


def _named(arguments: argparse.Namespace) -> Path:
    return Path(os.path.realpath(Path.cwd() / (arguments.repo or ".")))


def find(arguments: argparse.Namespace) -> WorkspaceLocation:
    """Return the workspace around the start folder. UserError if there is none."""
    return find_from(start_of(arguments))


def address_from(start: Path, text: str) -> str:
    """Return the address of an argument: a URL as it is, a path from the start folder."""
    return text if "://" in text else str(start / text)


def start_anywhere(arguments: argparse.Namespace) -> Path:
    """Return the start folder of a command; in a bare repository it may exist only in commits."""
    from rollout_spec.workflows.newest import bare_root

    start = _named(arguments)
    return start if bare_root(start) is not None else start_of(arguments)


def find_anywhere(arguments: argparse.Namespace) -> WorkspaceLocation:
    """Return the workspace around the start folder, in a clone or in a bare repository."""
    from rollout_spec.workflows.newest import find_anywhere

    return find_anywhere(start_anywhere(arguments))
