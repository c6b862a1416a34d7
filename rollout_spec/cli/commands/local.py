"""Work with the local forge: `local merge N` merges pull request N into its base, for trials.

It makes a merge commit in the bare repository, as the button of another forge does. It merges the present commit of
the branch. A draft, a closed pull request and a conflict are refused.
"""

from __future__ import annotations

import argparse
import re
import sys

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["merge"], metavar="merge", help="merge a pull request")
    parser.add_argument("number", type=_number, metavar="N", help="its number, the name of its file without .json")


def run(arguments: argparse.Namespace) -> int:
    """Merge the pull request, and print its merge commit."""
    from rollout_spec.workflows.local import local_address, merge

    done = merge(local_address(place.find_anywhere(arguments)), arguments.number, now=clock())
    pull = done.pull_request
    if done.was_merged:
        terminal.say(f"pull request {pull.number} is already merged")
        return 0
    if done.moved_from is not None:
        terminal.say(f"{pull.head} has moved: merging {pull.head_sha[:12]}, not {done.moved_from[:12]}")
    sys.stdout.write(f"merged pull request {pull.number}: {pull.head} into {pull.base}, commit {pull.merge_sha}\n")
    return 0


def _number(text: str) -> int:
    """Return the number of a pull request. ValueError if it is none."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ValueError
    return int(text)
