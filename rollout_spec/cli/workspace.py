"""The workspace that a command works in: around ``--repo``, else around the folder where the command was started."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.workflows.locate import WorkspaceLocation, find_from


def start_of(arguments: argparse.Namespace) -> Path:
    """Return the folder in which a command works: ``--repo``, else the one where it was started."""
    start = _named(arguments)
    if not start.is_dir():
        raise UserError(f"there is no folder {arguments.repo}")
    return start


def _named(arguments: argparse.Namespace) -> Path:
    return Path(os.path.realpath(Path.cwd() / (arguments.repo or ".")))


def find(arguments: argparse.Namespace) -> WorkspaceLocation:
    """Find the workspace by walking up from ``--repo``, else from here."""
    return find_from(start_of(arguments))


def start_anywhere(arguments: argparse.Namespace) -> Path:
    """Return the folder in which a command works; in a bare repository it may be one of its commits."""
    from rollout_spec.workflows.newest import bare_root

    start = _named(arguments)
    return start if bare_root(start) is not None else start_of(arguments)


def find_anywhere(arguments: argparse.Namespace) -> WorkspaceLocation:
    """Find the workspace around ``--repo``, in a clone or in a bare repository."""
    from rollout_spec.workflows.newest import find_anywhere

    return find_anywhere(start_anywhere(arguments))
