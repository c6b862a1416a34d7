"""Take a version out of `knownGood`: no rollback goes there any more. One that may serve stays."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("version", metavar="VERSION", help="an entry of knownGood")


def run(arguments: argparse.Namespace) -> int:
    """Take the step."""
    return step.run(arguments, Request("retire", arguments.rollout, arguments.version))
