"""Make the candidate stable, after the hold of the last stage. The old stable becomes known good."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser, waits=True)


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    return step.run(arguments, Request("promote", arguments.rollout))
