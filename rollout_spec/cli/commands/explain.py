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

from rollout_spec.checks.documentation import explanations
from rollout_spec.checks.explanations import Explanation
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean
from rollout_spec.workflows import locate as location
from rollout_spec.workspace.repository import Repository

_WIDEST = 100
_HEADING = re.compile(r"^(?:Expression|Fails|Passes):$", re.MULTILINE)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a rule or a policy (default: list all)")


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation of a name, or one line for each name."""
    all_explanations = list(explanations(_repository(arguments)))
    if arguments.name is None:
        sys.stdout.write(_list(all_explanations))
        return 0
    matches = [each for each in all_explanations if each.name == arguments.name]
    if not matches:
        suggestion = did_you_mean(arguments.name, {each.name for each in all_explanations})
        raise UserError(
            f"no rule or policy `{arguments.name}`", hint=suggestion or "run `rollout-spec explain` for a list"
        )
    sys.stdout.write("\n".join(map(_page, matches)))
    return 0


def _repository(arguments: argparse.Namespace) -> Repository | None:
    """Return the workspace, if there is one. Rules and shipped policies need none."""
    start = place.start_of(arguments)
    here = location.around(start)
    return here.repository() if here is not None else None


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST) if sys.stdout.isatty() else _WIDEST


def _page(explanation: Explanation) -> str:
    title = f"{_bold(explanation.name)} ({_kind(explanation)})"
    text = terminal.harmless(explanation.text(_width()))
    return f"{title}\n\n{_HEADING.sub(lambda match: _bold(match[0]), text)}"


def _list(all_explanations: Sequence[Explanation]) -> str:
    width = max(len(each.name) for each in all_explanations)
    parts = []
    for pack, group in groupby(all_explanations, lambda each: each.pack):
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
