"""Scaffold a rollout repository: a workspace, an example rollout with its components and manifests, files for Argo CD
and Flux, a pre-commit configuration, a CI workflow, and JSON Schemas for editors. They pass `rollout-spec check`.
"""

from __future__ import annotations

import argparse

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.text import join_some
from rollout_spec.workflows.step import write_all
from rollout_spec.workspace.files import refuse_links
from rollout_spec.workspace.scaffold import files


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="the directory, created if absent (default: here)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write all files, or none."""
    folder = place.start_of(arguments) / arguments.folder
    new = files()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{arguments.folder} is not a directory")
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
    terminal.say(f"wrote {len(new)} files to {arguments.folder}")
    terminal.say("next: `git init && git add . && git commit`, then read rollouts/fraud.yaml and .rollout-spec.yaml")
    terminal.say(
        "to apply the manifests: edit the repository in deploy/argocd.yaml or deploy/flux.yaml, and remove the other"
    )
    return 0
