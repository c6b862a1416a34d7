"""``rollout-spec [--repo DIR] COMMAND``: read arguments, call a workflow, print, return the exit status.

To add a command: one module in ``commands`` with ``configure(parser)`` and ``run(arguments) -> int``, one line below.
Only the module of the command that runs is imported.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol, cast

from rollout_spec import __version__
from rollout_spec.cli.terminal import say
from rollout_spec.core import bounded_process as confined
from rollout_spec.core import budget
from rollout_spec.core.signals import TerminatedError, raised
from rollout_spec.core.unexpected import as_user_error

COMMANDS = {
    "init": "scaffold a rollout repository that passes its own check",
    "check": "check specs: findings with file, line and column",
    "render": "write the manifests, or say whether they are stale",
    "bootstrap": "begin a new rollout with one version that is stable",
    "record": "write down a version",
    "propose": "name a recorded version as the candidate",
    "advance": "let the candidate into the next stage, once this one was held",
    "retreat": "take the candidate back to an earlier stage",
    "withdraw": "take the candidate out; nothing is held against it",
    "promote": "make the candidate stable",
    "retire": "take a version out of knownGood",
    "drill": "roll back from every state that a rollout can reach, in memory",
    "rollback": "open the pull request that takes the whole stack back",
    "mirror": "keep a bare clone warm, for a bot to roll back from",
    "doctor": "say what is missing for a rollback, before the night it matters",
    "explain": "say what a rule or policy demands, and why",
    "policy": "run the examples of policy packs",
    "local": "merge a pull request of the local forge, for trials",
    "schema": "print the JSON Schema of a kind",
    "demo": "see all of the above on a throw-away repository, in under a minute",
}


class Command(Protocol):
    """One module of this package."""

    configure: Callable[[argparse.ArgumentParser], None]
    """Declares the command's arguments."""
    run: Callable[[argparse.Namespace], int]
    """Does it, and returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 well, 1 findings, 2 cannot be used, 3 an outside service failed."""
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
        told = as_user_error(error)
        say(f"rollout-spec: {told.message}" + (f"\n  help: {told.hint}" if told.hint else ""))
        return told.status


def _run(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="rollout-spec",
        description="Roll machine-learning models out, and back, through git.",
        epilog="commands:\n" + "\n".join(f"  {name:<10} {words}" for name, words in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="rollout-spec [--repo DIR] COMMAND …",
        allow_abbrev=False,
    )
    parser.add_argument("--repo", metavar="DIR", help="work as if started in DIR")
    parser.add_argument("--version", action="version", version=f"rollout-spec {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="see below; COMMAND --help tells more")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    command = cast(Command, import_module(f"rollout_spec.cli.commands.{chosen.command}"))
    own = argparse.ArgumentParser(
        prog=f"rollout-spec {chosen.command}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    own.add_argument("--repo", metavar="DIR", default=chosen.repo, help="work as if started in DIR")
    command.configure(own)
    return command.run(own.parse_args(chosen.rest))
