"""Scaffold a rollout repository that passes `rollout-spec check`.

It has a workspace, an example rollout with its components and manifests, files for Argo CD and Flux, a pre-commit
configuration, a CI workflow, and JSON Schemas for editors.
"""

from __future__ import annotations

import argparse

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.workflows.init import create_repository


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="the directory, created if absent (default: here)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write all files, or none."""
    count = create_repository(place.start_of(arguments), arguments.folder)
    terminal.say(f"wrote {count} files to {arguments.folder}")
    terminal.say("next: `git init && git add . && git commit`, then read rollouts/fraud.yaml and .rollout-spec.yaml")
    terminal.say(
        "to apply the manifests: edit the repository in deploy/argocd.yaml or deploy/flux.yaml, and remove the other"
    )
    return 0
