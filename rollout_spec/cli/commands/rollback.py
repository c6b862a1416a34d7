"""Open the pull request that restores the whole stack of a known-good version.

rollout-spec rollback --breach FILE          a monitor's payload (Alertmanager's webhook, version 4); - reads stdin
rollout-spec rollback --breach FILE --monitor NAME  a payload of another monitor: one of the workspace, or a type
rollout-spec rollback ROLLOUT --reason TEXT  by hand; --version names the failed version
rollout-spec rollback … --emit DIR           if git or its server is down: write the files to apply by hand
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
from datetime import datetime
from pathlib import Path

from rollout_spec.cli.clock import clock, time_of
from rollout_spec.cli.rollback_output import print_foreign, print_response
from rollout_spec.cli.workspace import find_anywhere
from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import Order
from rollout_spec.workflows.base_branch import forge_of
from rollout_spec.workflows.breach_version import with_versions
from rollout_spec.workflows.breach_workspaces import split_by_workspace
from rollout_spec.workflows.newest import fetch_base
from rollout_spec.workflows.respond import FailedResponse, Responder, respond_to_all
from rollout_spec.workflows.unpushed import require_pushed


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollout", nargs="?", metavar="ROLLOUT", help="the rollout to roll back by hand")
    parser.add_argument("--reason", metavar="TEXT", help="the reason, for the incident and the pull request")
    parser.add_argument("--version", metavar="V", help="the failed version (default: the candidate, else stable)")
    parser.add_argument("--at", metavar="TIME", help="when it was observed, as 2026-11-20T10:15:00Z (default: now)")
    parser.add_argument("--breach", metavar="FILE", help="a monitor's payload; - reads stdin")
    parser.add_argument(
        "--monitor", metavar="NAME", help="with --breach: a monitor of the workspace, or a type (default: alertmanager)"
    )
    parser.add_argument(
        "--auto-merge", action="store_true", help="with ROLLOUT: let the forge merge it once checks pass"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--dry-run", action="store_true", help="print the commit, its diff and the pull request; push nothing"
    )
    output.add_argument("--emit", metavar="DIR", help="write the restored manifests and instructions into a new folder")


def run(arguments: argparse.Namespace) -> int:
    """Respond to each breach, and return the worst status."""
    now = clock()
    breaches, least = _breaches(arguments, now)
    here = find_anywhere(arguments)
    if arguments.emit is not None:
        from rollout_spec.cli.rollback_offline import emit

        return max(least, emit(breaches, here, Path(arguments.emit), now))
    if here.git_root is None:
        raise UserError("a rollback needs git, but this workspace is not in a git repository", hint="run `git init`")
    try:
        base, workspace = fetch_base(here, here.git_root)
    except UserError as error:
        raise _with_emit(error, arguments) from None
    if arguments.rollout is not None:
        require_pushed(arguments.rollout, arguments.version, here, base)
    order = Order(auto_merge=arguments.auto_merge) if arguments.rollout is not None else None
    prints_only = arguments.dry_run or (order is None and workspace.spec.automation.mode == "dry-run")
    forge: Forge | None = None if prints_only else forge_of(base, workspace.spec.forge)
    ours, foreign = split_by_workspace(breaches, base.repository)
    print_foreign(foreign)
    ours, errors = with_versions(ours, base.repository)
    statuses = [least, *(each.status for each in foreign), *(error.status for error in errors)]
    for response in respond_to_all(ours, Responder(base, forge, now, order)):
        if isinstance(response, FailedResponse):
            errors.append(response.error)
            statuses.append(response.error.status)
            continue
        print_response(response, dry_run=arguments.dry_run)
        statuses.append(response.status)
    if errors:
        messages, hint = "\n".join(error.message for error in errors), errors[-1].hint
        raise _with_emit(UserError(messages, hint=hint, status=max(statuses)), arguments)
    return max(statuses)


def _with_emit(error: UserError, arguments: argparse.Namespace) -> UserError:
    """Return an error with the way to roll back without the remote, if an outside service failed."""
    if error.status != OUTSIDE:
        return error
    given = [(f"--{name}", getattr(arguments, name)) for name in ("reason", "version", "breach", "monitor")]
    options = (f"{option} {shlex.quote(value)}" for option, value in given if value is not None)
    command = " ".join(("rollout-spec rollback", *([arguments.rollout] if arguments.rollout else []), *options))
    hint = f"to restore it without the remote, write the files to apply: `{command} --emit DIR`"
    return UserError(error.message, hint=f"{error.hint}; {hint}" if error.hint else hint, status=error.status)


def _breaches(arguments: argparse.Namespace, now: datetime) -> tuple[list[Breach], int]:
    """Return the reported breaches, each once, and the least status: 1 if some alerts get no response."""
    if (arguments.rollout is None) == (arguments.breach is None):
        raise UserError("name the failure: ROLLOUT with --reason, or --breach FILE")
    if arguments.monitor is not None and arguments.breach is None:
        raise UserError("--monitor needs --breach, not ROLLOUT")
    if arguments.rollout is not None:
        return [_by_hand(arguments, now)], 0
    if arguments.reason or arguments.version or arguments.at or arguments.auto_merge:
        raise UserError("--reason, --version, --at and --auto-merge need ROLLOUT, not --breach")
    from rollout_spec.cli.rollback_payload import read_breaches

    return read_breaches(arguments, now)


def _by_hand(arguments: argparse.Namespace, now: datetime) -> Breach:
    """Return the breach of a rollback by hand. The same reason and time give the same breach."""
    if not arguments.reason or not arguments.reason.strip():
        raise UserError("a rollback by hand needs a reason: --reason TEXT")
    moment = (now if arguments.at is None else time_of("--at", arguments.at)).replace(microsecond=0)
    key = "\0".join((arguments.rollout, arguments.version or "", arguments.reason, moment.isoformat()))
    return Breach(
        id=f"manual-{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:16]}",
        source="manual",
        rollout=arguments.rollout,
        version=arguments.version,
        observed_at=moment,
        evidence=Evidence(summary=arguments.reason),
    )
