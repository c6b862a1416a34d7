"""Remove the candidate without an incident. Roll back a failed one with `rollout-spec rollback`."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    return step.run(arguments, Request("withdraw", arguments.rollout))
