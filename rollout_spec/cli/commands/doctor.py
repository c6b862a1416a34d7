"""Say what is missing for a rollback, before the night it matters.

Git, this clone, the remote, the token and its permissions, the rules of the branch that is live, the clock, and the
way back of each rollout are looked at; nothing is changed anywhere.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, get_args

from rollout_spec.checks.reporters.base import json_text, shown
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.workflows import newest
from rollout_spec.workflows.doctor import DoctorResult, DoctorVerdict
from rollout_spec.workflows.doctor.result import failed
from rollout_spec.workflows.locate import WorkspaceLocation

if TYPE_CHECKING:
    from rollout_spec.workflows.doctor.runner import Scene

VERSION = 1
_COLORS: dict[DoctorVerdict, str] = {"ok": "32", "warning": "33", "failed": "31", "unknown": "36"}
_VERDICT, _NAME = max(map(len, _COLORS)), len("required-checks")
_LEAST_WIDTH = 40


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how it is told (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Print each check once it is done; the status is 3 where somebody did not answer, else 1 where a check failed."""
    checks = _checks(arguments)
    found = list(checks) if arguments.format == "json" else list(_told(checks))
    _doing("")
    if arguments.format == "json":
        fields = [{name: getattr(each, name) for name in ("name", "verdict", "message", "hint")} for each in found]
        sys.stdout.write(json_text({"version": VERSION, "checks": fields}))
    else:
        terminal.say(_summary(found))
    return OUTSIDE if any(each.outside for each in found if each.verdict == "failed") else int(_fails(found))


def _fails(found: Iterable[DoctorResult]) -> bool:
    return any(each.verdict == "failed" for each in found)


def _checks(arguments: argparse.Namespace) -> Iterator[DoctorResult]:
    """Give all checks. UserError if there is no workspace to look at."""
    here = place.find_anywhere(arguments)
    try:
        from rollout_spec.workflows.doctor.runner import examine
    except UserError as error:  # where there is no git, nothing that needs it can be loaded
        yield failed("git", error.message, error.hint)
        return
    if here.git_root is None:
        yield failed("clone", "a rollback is a commit, and this workspace is in no git repository", "git init")
        return
    yield from examine(_scene(here))


def _scene(here: WorkspaceLocation) -> Scene:
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.workflows.doctor.runner import Scene

    root = here.git_root
    assert root is not None
    return Scene(
        git=Git(root),
        prefix=here.prefix,
        known=lambda: newest.local_workspace(here),
        newest=lambda: newest.fetch_base(here, root),
        now=clock(),
        tell=_doing,
    )


def _doing(what: str) -> None:
    """Show what takes long, over what was shown before; nothing takes it away."""
    if terminal.is_watched(sys.stderr):
        words = f"{what} …" if what else ""
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _told(checks: Iterable[DoctorResult]) -> Iterator[DoctorResult]:
    """Print each check as it comes. A hint that was given is not given again."""
    given: set[str | None] = {None}
    for check in checks:
        _doing("")
        sys.stdout.write(_lines(check, None if check.hint in given else check.hint))
        sys.stdout.flush()
        given.add(check.hint)
        yield check


def _lines(check: DoctorResult, hint: str | None) -> str:
    """Return a check in columns: its verdict, its name, and its words, with the hint below."""
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
    """Return a text as lines that fit a terminal; elsewhere as one, for grep."""
    text = shown(" ".join(text.split()))
    if not terminal.is_watched(sys.stdout):
        return [text]
    width = max(shutil.get_terminal_size().columns - len(margin), _LEAST_WIDTH)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _summary(found: list[DoctorResult]) -> str:
    """Return one line that says how it went: ``18 checks: 15 ok, 2 warnings, 1 failed``."""
    counts = ((sum(each.verdict == verdict for each in found), verdict) for verdict in get_args(DoctorVerdict))
    told = ((count, "warnings" if (verdict, count > 1) == ("warning", True) else verdict) for count, verdict in counts)
    words = ", ".join(f"{count} {verdict}" for count, verdict in told if count)
    return f"{len(found)} {'check' if len(found) == 1 else 'checks'}: {words}"
