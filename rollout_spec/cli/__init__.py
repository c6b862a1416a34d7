"""``rollout-spec [--repo DIR] COMMAND``: arguments, a workflow, output and exit status.

To add a command: one module in ``commands`` with ``configure(parser)`` and ``run(arguments) -> int``, one line below.
Only the module of the running command is imported. Start with ``commands`` and its module of that name.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol, cast

from rollout_spec import __version__
from rollout_spec.cli.help import HelpFormatter, Parser
from rollout_spec.cli.terminal import say
from rollout_spec.core import bounded_process as confined
from rollout_spec.core import budget
from rollout_spec.core.errors import USAGE, UserError
from rollout_spec.core.signals import TerminatedError, raised
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.core.unexpected import as_user_error

COMMANDS = {
    "init": "scaffold a rollout repository that passes its own check",
    "check": "check specs: findings with file, line and column",
    "render": "write the manifests, or report those that are out of date",
    "bootstrap": "create a rollout with one stable version",
    "record": "add a version",
    "propose": "make a recorded version the candidate",
    "advance": "move the candidate to the next stage, after the hold of this one",
    "retreat": "move the candidate back to an earlier stage",
    "withdraw": "remove the candidate, without an incident",
    "promote": "make the candidate stable",
    "retire": "remove a version from knownGood",
    "drill": "roll back in memory from every reachable state of a rollout",
    "drift": "compare the inputs and scores of a recent window with a reference",
    "gate": "judge the live stage of a rollout from Prometheus",
    "replay": "replay logged requests of a failed version through the restored one",
    "reconcile": "judge all rollouts in flight once: advance, wait, or roll back",
    "status": "show where every rollout stands",
    "history": "show each past step of a rollout, and what was live at a time",
    "incident": "list and show incidents, and resolve one",
    "rollback": "open the pull request that restores the whole stack",
    "registry": "compare records with the model registry; let its aliases follow",
    "serve": "receive breaches that monitors post, and open a rollback for each",
    "mirror": "keep a bare clone up to date, for the rollbacks of a bot",
    "doctor": "check everything that a rollback needs",
    "explain": "explain a rule or policy",
    "policy": "run the examples of policy packs",
    "local": "show or merge a pull request of the local forge, for trials",
    "schema": "print the JSON Schema of a kind",
    "completion": "print the completion of commands and options for a shell",
    "demo": "run most of these on a temporary repository, in under a minute",
}


class Command(Protocol):
    """A module of ``commands``."""

    configure: Callable[[argparse.ArgumentParser], None]
    """Declares the command's arguments."""
    run: Callable[[argparse.Namespace], int]
    """Runs the command and returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0 is success, 1 findings, 2 a usage error, 3 the failure of an outside service.
    """
    try:
        with raised(), budget.command(), confined.together():
            return _run(sys.argv[1:] if argv is None else list(argv))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except TerminatedError as signal:
        say("rollout-spec: ended by a signal")
        return 128 + signal.number
    except KeyboardInterrupt:
        say("rollout-spec: interrupted")
        return 130
    except Exception as error:
        message = as_user_error(error)
        say(f"rollout-spec: {message.message}" + (f"\n  help: {message.hint}" if message.hint else ""))
        return message.status


def _run(argv: list[str]) -> int:
    parser = Parser(
        prog="rollout-spec",
        description="Roll machine-learning models out, and back, through git.",
        epilog="commands:\n" + "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items()),
        formatter_class=HelpFormatter,
        usage="rollout-spec [--repo DIR] COMMAND …",
        allow_abbrev=False,
    )
    parser.add_argument("--repo", metavar="DIR", help="work as if started in DIR")
    parser.add_argument("--version", action="version", version=f"rollout-spec {__version__}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="see below, and COMMAND --help")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    if chosen.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    if chosen.command not in COMMANDS:
        raise UserError(
            f"`{excerpt(chosen.command)}` is not a command",
            hint=did_you_mean(chosen.command, COMMANDS) or "`rollout-spec --help` lists the commands",
        )
    return _command(chosen.command).run(parser_of(chosen.command, repo=chosen.repo).parse_args(chosen.rest))


def parser_of(name: str, *, repo: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the words behind a command. ``repo`` is the folder that was named before it."""
    command = _command(name)
    parser = Parser(
        prog=f"rollout-spec {name}", description=command.__doc__, formatter_class=HelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--repo", metavar="DIR", default=repo, help="work as if started in DIR")
    command.configure(parser)
    return parser


def _command(name: str) -> Command:
    return cast(Command, import_module(f"rollout_spec.cli.commands.{name}"))
