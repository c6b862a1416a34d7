"""Name a recorded version as the candidate. It takes no traffic before it is advanced, or at once with --advance."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("version", metavar="VERSION", help="a version that is recorded")
    parser.add_argument("--advance", action="store_true", help="and let it into the first stage")


def run(arguments: argparse.Namespace) -> int:
    """Take the step."""
    wanted = Request("propose", arguments.rollout, arguments.version, advance=arguments.advance)
    return step.run(arguments, wanted)
