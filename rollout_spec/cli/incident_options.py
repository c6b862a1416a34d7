"""Options of `incident resolve`, and its output."""

from __future__ import annotations

import argparse

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.cli.step_output import show_delivered, show_findings, show_patch, show_unpushed, show_written
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import escape, excerpt
from rollout_spec.lifecycle.incident_pull_request import message
from rollout_spec.lifecycle.incident_resolution import ResolveRequest
from rollout_spec.spec.incident import Reproduced
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.resolution_check import CheckedResolution, ResolveOptions
from rollout_spec.workflows.resolve_in_checkout import resolve_in_checkout
from rollout_spec.workflows.step_in_checkout import git_root

_EXAMPLE = "write --reproduced staging=https://ci.example.com/runs/7"


def configure_resolve(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "rollout-spec incident resolve ID --cleared|--bad [OPTION …]"
    parser.add_argument("incident", metavar="ID", help="the name of the incident: fraud-42")
    verdict = parser.add_mutually_exclusive_group()
    verdict.add_argument(
        "--cleared", action="store_true", help="`verdict: cleared`: the version was not the cause, and may return"
    )
    verdict.add_argument(
        "--bad", action="store_true", help="`verdict: bad`: the version was the cause, and stays quarantined for good"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--reproduced",
        metavar="ENV=URL",
        help="`reproduced`: the environment in which the failure was reproduced, and a link to the evidence, such as "
        "the report of `replay`",
    )
    how.add_argument(
        "--not-reproduced", metavar="REASON", help="`notReproduced`: the reason, for --cleared; such as a false alarm"
    )
    parser.add_argument("--root-cause", metavar="TEXT", help="`rootCause`: the cause of the failure")
    parser.add_argument("--resolution", metavar="TEXT", help="`resolution`: the action that resolved the incident")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--commit", action="store_true", help="commit the change to the current branch")
    where.add_argument("--pull-request", action="store_true", help="open a pull request on the live branch")
    parser.add_argument("--dry-run", action="store_true", help="print the changes without writing them")


def run_resolve(arguments: argparse.Namespace) -> int:
    """Resolve the incident; return 1 if that would introduce errors."""
    request = _request(arguments)
    now = clock().replace(microsecond=0)
    options = ResolveOptions(now, is_commit=arguments.commit, is_dry_run=arguments.dry_run)
    if arguments.pull_request:
        return _in_pull_request(request, place.find_anywhere(arguments), options)
    return _in_checkout(request, place.find(arguments), options)


def _request(arguments: argparse.Namespace) -> ResolveRequest:
    name = excerpt(arguments.incident)
    if not (arguments.cleared or arguments.bad):
        raise UserError(
            f"the verdict on {name} is missing",
            hint="add --cleared if the version was not the cause, or --bad if it was",
        )
    if arguments.bad and arguments.not_reproduced is not None:
        raise UserError(
            "`verdict: bad` needs `reproduced`; --not-reproduced is for --cleared",
            hint="reproduce the failure and add --reproduced ENV=URL, or leave the incident open",
        )
    reason = _text("--not-reproduced", arguments.not_reproduced)
    if reason is not None and "\n" in reason:
        raise UserError("--not-reproduced has more than one line", hint="write the reason in one line")
    return ResolveRequest(
        arguments.incident,
        "cleared" if arguments.cleared else "bad",
        _reproduced(_text("--reproduced", arguments.reproduced)),
        reason,
        _text("--root-cause", arguments.root_cause),
        _text("--resolution", arguments.resolution),
    )


def _text(flag: str, text: str | None) -> str | None:
    """Return the text of a flag. UserError if it is blank, or has a character that a reader cannot see."""
    if text is None:
        return None
    if not text.strip():
        raise UserError(f"{flag} is empty", hint=f"write a text: {flag} TEXT")
    hidden = next((letter for letter in text if not letter.isprintable() and letter not in "\n\t"), None)
    if hidden is not None:
        raise UserError(f"{flag} has the unprintable character `{escape(hidden)}`", hint="leave it out")
    return text.strip()


def _reproduced(text: str | None) -> Reproduced | None:
    """Return the value of ``--reproduced ENV=URL``. UserError if a part is missing or wrong."""
    if text is None:
        return None
    environment, equals, link = (part.strip() for part in text.partition("="))
    if not environment or "://" in environment:
        raise UserError(f"--reproduced names no environment; got `{excerpt(text)}`", hint=_EXAMPLE)
    if not equals:
        raise UserError(f"--reproduced has no link; got `{excerpt(text)}`", hint=_EXAMPLE)
    from pydantic import ValidationError

    try:
        return Reproduced(environment=environment, link=link)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UserError(f"--reproduced: {reason}; got `{excerpt(text)}`", hint=_EXAMPLE) from None


def _in_checkout(request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions) -> int:
    done = resolve_in_checkout(request, here, options, terminal.say)
    if done.checked.is_refused:
        return _refuse(done.checked)
    resolved = done.checked.done
    print(terminal.harmless(f"{resolved.subject}: {resolved.effect}"))
    if options.is_dry_run:
        if options.is_commit:
            print(terminal.harmless(message(resolved)))
        show_patch(resolved.edits, done.before)
        return 0
    if done.commit is not None:
        print(f"commit {done.commit}")
    show_written(resolved.edits)
    if done.commit is None:
        terminal.say("commit it, and merge it: the quarantine follows the merged incident")
    return 0


def _in_pull_request(request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions) -> int:
    from rollout_spec.workflows.resolve_in_pull_request import resolve_in_pull_request

    prepared = resolve_in_pull_request(request, here, git_root(here, "--pull-request"), options)
    if prepared.checked.is_refused:
        return _refuse(prepared.checked)
    resolved = prepared.checked.done
    print(terminal.harmless(f"{resolved.subject}: {resolved.effect}"))
    if prepared.forge is None:
        show_unpushed(prepared.change, *prepared.build(), is_dry_run=options.is_dry_run)
        return 0
    show_delivered(prepared.open(prepared.forge), resolved.subject)
    return 0


def _refuse(checked: CheckedResolution) -> int:
    why = checked.why or "it would leave these errors"
    name, verdict = checked.done.name, checked.done.spec.verdict
    terminal.say(f"rollout-spec: {name} was not resolved as {verdict}: {why}{':' if checked.refused else ''}")
    show_findings(checked.refused)
    return 1
