"""Make a recorded version the candidate. It gets no traffic before `advance` or without --advance."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("version", metavar="VERSION", help="a recorded version")
    parser.add_argument("--advance", action="store_true", help="also move it to the first stage")


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    wanted = Request("propose", arguments.rollout, arguments.version, advance=arguments.advance)
    return step.run(arguments, wanted)
