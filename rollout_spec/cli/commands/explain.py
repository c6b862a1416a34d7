"""Explain a rule or a policy, with failing and passing examples. Without a NAME: list all.

Policies are the shipped ones and, in a workspace, those of its own packs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby

from rollout_spec.checks.explanations import Explanation
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.workflows.explain import all_explanations, explanations_of

_WIDEST = 100
_HEADING = re.compile(r"^(?:Expression|Fails|Passes):$", re.MULTILINE)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a rule or a policy (default: list all)")


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation of a name, or one line for each name."""
    start = place.start_of(arguments)
    if arguments.name is None:
        sys.stdout.write(_list(all_explanations(start)))
    else:
        sys.stdout.write("\n".join(map(_page, explanations_of(arguments.name, start))))
    return 0


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST) if sys.stdout.isatty() else _WIDEST


def _page(explanation: Explanation) -> str:
    title = f"{_bold(explanation.name)} ({_kind(explanation)})"
    text = terminal.harmless(explanation.text(_width()))
    address = f"\n{explanation.url}\n" if explanation.url else ""
    return f"{title}\n\n{_HEADING.sub(lambda match: _bold(match[0]), text)}{address}"


def _list(explanations: Sequence[Explanation]) -> str:
    width = max(len(each.name) for each in explanations)
    parts = []
    for pack, group in groupby(explanations, lambda each: each.pack):
        title = "Rules" if pack is None else f"Policies of {pack}"
        lines = (_line(each, width) for each in group)
        parts.append(f"{_bold(terminal.harmless(title))}\n\n{''.join(lines)}")
    return "\n".join(parts)


def _line(explanation: Explanation, width: int) -> str:
    summary = terminal.harmless(explanation.summary)
    lines = textwrap.wrap(summary, max(_width() - width - 4, 20), break_on_hyphens=False)
    return f"  {explanation.name:<{width}}  " + f"\n{'':{width + 4}}".join(lines) + "\n"


def _kind(explanation: Explanation) -> str:
    return terminal.harmless(f"policy of {explanation.pack}") if explanation.pack else "rule"


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if terminal.colors(sys.stdout) else text
