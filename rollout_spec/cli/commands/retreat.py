"""Move the candidate back to an earlier stage, without an incident."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("--to", metavar="STAGE", help="the stage (default: the previous one)")


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    return step.run(arguments, Request("retreat", arguments.rollout, to=arguments.to))
