"""Move the candidate to the first or next stage, after the hold of its present stage."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser, waits=True)
    parser.add_argument("--to", metavar="STAGE", help="the stage (default: the next one; a later one needs --fixes)")
    parser.add_argument("--fixes", metavar="INCIDENT", help="the open incident that the candidate fixes")


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    return step.run(arguments, Request("advance", arguments.rollout, to=arguments.to, fixes=arguments.fixes))
