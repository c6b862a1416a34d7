"""Make the candidate stable, once the last stage was held as long as it says; the old stable is known good."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser, waits=True)


def run(arguments: argparse.Namespace) -> int:
    """Take the step."""
    return step.run(arguments, Request("promote", arguments.rollout))
