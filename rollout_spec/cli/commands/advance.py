"""Let the candidate into the first stage, or the next one, once the stage that it is in was held as long as it says."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser, waits=True)
    parser.add_argument("--to", metavar="STAGE", help="the stage; a later one than the next only with --fixes")
    parser.add_argument("--fixes", metavar="INCIDENT", help="the open incident that the candidate mends")


def run(arguments: argparse.Namespace) -> int:
    """Take the step."""
    return step.run(arguments, Request("advance", arguments.rollout, to=arguments.to, fixes=arguments.fixes))
