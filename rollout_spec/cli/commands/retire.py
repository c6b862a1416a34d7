"""Remove a version from `knownGood`: no rollback restores it any more. One rollback target must stay."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("version", metavar="VERSION", help="an entry of knownGood")


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    return step.run(arguments, Request("retire", arguments.rollout, arguments.version))
