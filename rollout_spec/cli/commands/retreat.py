"""Take the candidate back to an earlier stage; nothing is held against it."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("--to", metavar="STAGE", help="the stage; the one before where it is not named")


def run(arguments: argparse.Namespace) -> int:
    """Take the step."""
    return step.run(arguments, Request("retreat", arguments.rollout, to=arguments.to))
