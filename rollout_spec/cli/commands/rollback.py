"""Open the pull request that takes the whole stack back to the version that is recorded as good.

rollout-spec rollback --breach FILE          a monitor's payload (Alertmanager's webhook, version 4); - reads stdin
rollout-spec rollback ROLLOUT --reason TEXT  a person says so; --version names the version that failed
rollout-spec rollback … --emit DIR           git or its server is down: write what is to be applied by hand
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec.cli import terminal
from rollout_spec.cli.rollback_output import of_workspace, print_response
from rollout_spec.cli.workspace import find_anywhere, start_anywhere
from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import parse_time
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import Order
from rollout_spec.workflows.base_branch import forge_of
from rollout_spec.workflows.newest import fetch_base
from rollout_spec.workflows.respond import Responder, respond_to_all


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollout", nargs="?", metavar="ROLLOUT", help="the rollout that a person takes back")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the incident and the pull request")
    parser.add_argument(
        "--version", metavar="V", help="the version that failed; the candidate, else stable, where it is not named"
    )
    parser.add_argument(
        "--at", metavar="TIME", help="when it was seen (2026-11-20T10:15:00Z); now where it is not said"
    )
    parser.add_argument("--breach", metavar="FILE", help="a monitor's payload; - reads stdin")
    parser.add_argument(
        "--auto-merge", action="store_true", help="with ROLLOUT: let the forge merge it once its checks pass"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--dry-run", action="store_true", help="print the commit, its diff and the pull request; push nothing"
    )
    output.add_argument(
        "--emit", metavar="DIR", help="write the restored manifests, and what to do with them, into a new folder"
    )


def clock() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)


def run(arguments: argparse.Namespace) -> int:
    """Answer each breach; the worst status counts."""
    now = clock()
    breaches, least = _breaches(arguments, now)
    here = find_anywhere(arguments)
    if arguments.emit is not None:
        from rollout_spec.cli.rollback_offline import emit

        return max(least, emit(breaches, here, Path(arguments.emit), now))
    if here.git_root is None:
        raise UserError("a rollback is a commit, and this workspace is in no git repository", hint="git init")
    base, workspace = fetch_base(here, here.git_root)
    order = Order(arm=arguments.auto_merge) if arguments.rollout is not None else None
    quiet = arguments.dry_run or (order is None and workspace.spec.automation.mode == "dry-run")
    forge: Forge | None = None if quiet else forge_of(base, workspace.spec.forge)
    ours, unanswered = of_workspace(breaches, base.repository)
    statuses, errors = [least, unanswered], list[UserError]()
    for found in respond_to_all(ours, Responder(base, forge, now, order)):
        if isinstance(found, UserError):
            errors.append(found)
        else:
            print_response(found, dry_run=arguments.dry_run)
        statuses.append(found.status)
    if errors:
        raise UserError("\n".join(error.message for error in errors), hint=errors[-1].hint, status=max(statuses))
    return max(statuses)


def _breaches(arguments: argparse.Namespace, now: datetime) -> tuple[list[Breach], int]:
    """Return the breaches that are reported, each once, and the least status: 1 if others cannot be answered."""
    if (arguments.rollout is None) == (arguments.breach is None):
        raise UserError("say what failed: ROLLOUT with --reason, or --breach FILE")
    if arguments.rollout is not None:
        return [_by_hand(arguments, now)], 0
    if arguments.reason or arguments.version or arguments.at or arguments.auto_merge:
        raise UserError("--reason, --version, --at and --auto-merge go with ROLLOUT; a payload says its own")
    from rollout_spec.integrations.monitors import MONITORS
    from rollout_spec.integrations.monitors.alertmanager import UNANSWERED

    found, passed = MONITORS["alertmanager"].parse(_read(start_anywhere(arguments), arguments.breach))
    for words in passed:
        terminal.say(f"passed over: {words}")
    if not found and not passed:
        terminal.say("the payload holds no alert")
    if not found and not all("not firing" in words or "cut off" in words for words in passed):
        raise UserError(
            "the payload tells of no breach that can be answered",
            hint="alerts carry the labels `rollout` and `version`",
        )
    return list(dict.fromkeys(found)), int(any(UNANSWERED in words for words in passed))


def _by_hand(arguments: argparse.Namespace, now: datetime) -> Breach:
    """The same words about the same moment are the same breach, whoever tells it."""
    if not arguments.reason or not arguments.reason.strip():
        raise UserError("a rollback by hand needs a reason: --reason TEXT")
    moment = now.replace(microsecond=0) if arguments.at is None else _moment(arguments.at)
    told = "\0".join((arguments.rollout, arguments.version or "", arguments.reason, moment.isoformat()))
    return Breach(
        id=f"manual-{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:16]}",
        source="manual",
        rollout=arguments.rollout,
        version=arguments.version,
        observed_at=moment,
        evidence=Evidence(summary=arguments.reason),
    )


def _moment(text: str) -> datetime:
    try:
        return parse_time(text).replace(microsecond=0)
    except ValueError as error:
        raise UserError(f"--at: {error}") from None


def _read(start: Path, path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return (start / path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
