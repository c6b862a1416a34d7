"""Options of `incident resolve`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import escape, excerpt

if TYPE_CHECKING:
    from rollout_spec.lifecycle.incident_resolution import ResolveRequest
    from rollout_spec.spec.incident import Reproduced

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


def request_of(arguments: argparse.Namespace) -> ResolveRequest:
    """Return the resolution that the arguments state. UserError if a part is missing or wrong."""
    from rollout_spec.lifecycle.incident_resolution import ResolveRequest

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

    from rollout_spec.spec.incident import Reproduced

    try:
        return Reproduced(environment=environment, link=link)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UserError(f"--reproduced: {reason}; got `{excerpt(text)}`", hint=_EXAMPLE) from None
