"""Show or merge a pull request of the local forge, for trials.

`local merge` makes a merge commit in the bare repository, as the button of another forge does. It merges the present
commit of the branch. A draft, a closed pull request and a conflict are refused.

rollout-spec local show N  the title, text, comments and changes of pull request N
rollout-spec local merge N
"""

from __future__ import annotations

import argparse
import re
import sys

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock

_HIDDEN = re.compile(r"\n*<!-- rollout-spec: .* -->\n*")
"""The mark by which the tool finds its own texts again."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["show", "merge"], metavar="show|merge", help="show or merge a pull request")
    parser.add_argument("number", type=_number, metavar="N", help="its number, the name of its file without .json")


def run(arguments: argparse.Namespace) -> int:
    """Show the pull request, or merge it and print its merge commit."""
    from rollout_spec.workflows.local import local_address
    from rollout_spec.workflows.newest import bare_root

    here = place.find_anywhere(arguments)
    address = local_address(here)
    if arguments.action == "show":
        return _show(address, arguments.number)
    is_clone = here.git_root is not None and bare_root(here.git_root) is None
    return _merge(address, arguments.number, is_clone=is_clone)


def _show(address: str, number: int) -> int:
    from rollout_spec.workflows.local import show

    shown = show(address, number)
    pull = shown.pull_request
    draft = ", a draft" if pull.draft else ""
    parts = [
        f"pull request {number} ({pull.state}{draft}): {shown.title}",
        f"{pull.head} into {pull.base}",
        *(_HIDDEN.sub("\n", text).strip() for text in (shown.body, *shown.comments)),
        shown.patch,
    ]
    sys.stdout.write(terminal.harmless("\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"))
    return 0


def _merge(address: str, number: int, *, is_clone: bool) -> int:
    from rollout_spec.workflows.local import merge

    done = merge(address, number, now=clock())
    pull = done.pull_request
    if done.was_merged:
        terminal.say(f"pull request {pull.number} is already merged")
        return 0
    if done.moved_from is not None:
        terminal.say(f"{pull.head} has moved: merging {pull.head_sha[:12]}, not {done.moved_from[:12]}")
    sys.stdout.write(f"merged pull request {pull.number}: {pull.head} into {pull.base}, commit {pull.merge_sha}\n")
    if is_clone:
        terminal.say("next: `git pull` brings it into this clone")
    return 0


def _number(text: str) -> int:
    """Return the number of a pull request. ValueError if it is none."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ValueError
    return int(text)
