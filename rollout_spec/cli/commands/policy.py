"""Test policies: `policy test [PACK…]` runs the examples of policy packs.

A PACK is the name of a shipped pack, or a path. Default: the packs of the workspace; outside of a workspace, all
shipped ones. An example is a part of a rollout, merged into the one that `init` writes: mappings merge, lists replace,
null removes a field. An example with the wrong result is a finding, and so is a policy without a passing and a failing
example.
"""

from __future__ import annotations

import argparse
import sys

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.findings import Report
from rollout_spec.workflows.policy import run_examples

_MOST_NAMED = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["test"], metavar="test", help="run the examples")
    parser.add_argument("packs", nargs="*", metavar="PACK", help="names of shipped packs, or paths")


def run(arguments: argparse.Namespace) -> int:
    """Run the examples of each pack, and print the wrong ones."""
    test = run_examples(arguments.packs, place.start_of(arguments))
    sys.stdout.write(REPORTERS["text"].report(Report(tuple(test.findings)), View()))
    verdict = f"{len(test.findings)} wrong" if test.findings else "all pass"
    policies, examples = _count(test.policies, "policy", "policies"), _count(test.examples, "example", "examples")
    terminal.say(f"{policies}, {examples}: {verdict}")
    for path in test.unused[:_MOST_NAMED]:
        terminal.say(f"{path} is not used: name it under `policies` in .rollout-spec.yaml")
    return 1 if test.findings else 0


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
