"""Check everything that a rollback needs, without any change.

The checks cover git, this clone, the remote, the token and its permissions, the protection of the live branch, the
clock, and the rollback target of each rollout.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import get_args

from rollout_spec.checks.reporters.base import json_text, shown
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.workflows.doctor import DoctorResult, DoctorVerdict
from rollout_spec.workflows.doctor.examination import examine_workspace
from rollout_spec.workflows.doctor.result import status_of

VERSION = 1
_COLORS: dict[DoctorVerdict, str] = {"ok": "32", "warning": "33", "failed": "31", "unknown": "36"}
_VERDICT, _NAME = max(map(len, _COLORS)), len("required-checks")
_LEAST_WIDTH = 40


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Print each result at once. Return 3 if a service did not answer, else 1 if a check failed."""
    checks = examine_workspace(place.find_anywhere(arguments), clock(), _show_step)
    results = list(checks) if arguments.format == "json" else list(_printed(checks))
    _show_step("")
    if arguments.format == "json":
        fields = [{name: getattr(each, name) for name in ("name", "verdict", "message", "hint")} for each in results]
        sys.stdout.write(json_text({"version": VERSION, "checks": fields}))
    else:
        terminal.say(_summary(results))
    return status_of(results)


def _show_step(step: str) -> None:
    """Show a long step in place of the one before; an empty text clears the line."""
    if terminal.is_watched(sys.stderr):
        line = f"{step} …" if step else ""
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def _printed(checks: Iterable[DoctorResult]) -> Iterator[DoctorResult]:
    """Print each result as it comes. A repeated hint is left out."""
    given: set[str | None] = {None}
    for check in checks:
        _show_step("")
        sys.stdout.write(_lines(check, None if check.hint in given else check.hint))
        sys.stdout.flush()
        given.add(check.hint)
        yield check


def _lines(check: DoctorResult, hint: str | None) -> str:
    """Return a result in columns: verdict, name and message, with the hint below."""
    margin = " " * (_VERDICT + _NAME + 4)
    verdict = f"{check.verdict:<{_VERDICT}}"
    if terminal.colors(sys.stdout):
        verdict = f"\x1b[{_COLORS[check.verdict]}m{verdict}\x1b[0m"
    lines = _wrapped(check.message, margin)
    if hint:
        lines += _wrapped(f"help: {hint}", margin)
    first = f"{verdict}  {check.name:<{_NAME}}  {lines[0]}"
    return "".join(f"{line}\n" for line in (first, *(margin + line for line in lines[1:])))


def _wrapped(text: str, margin: str) -> list[str]:
    """Return a text as lines of a terminal's width, or as one line without a terminal."""
    text = shown(" ".join(text.split()))
    if not terminal.is_watched(sys.stdout):
        return [text]
    width = max(shutil.get_terminal_size().columns - len(margin), _LEAST_WIDTH)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _summary(results: list[DoctorResult]) -> str:
    """Return a summary: ``18 checks: 15 ok, 2 warnings, 1 failed``."""
    counts = ((sum(each.verdict == verdict for each in results), verdict) for verdict in get_args(DoctorVerdict))
    parts = ((count, "warnings" if (verdict, count > 1) == ("warning", True) else verdict) for count, verdict in counts)
    summary = ", ".join(f"{count} {verdict}" for count, verdict in parts if count)
    return f"{len(results)} {'check' if len(results) == 1 else 'checks'}: {summary}"
