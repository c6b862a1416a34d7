"""Take the candidate out; nothing is held against it. One that failed is rolled back: `rollout-spec rollback`."""

from __future__ import annotations

import argparse

from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take the step."""
    return step.run(arguments, Request("withdraw", arguments.rollout))
