"""The page with all commands: ``docs/commands.md``, made from their parsers."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator

from rollout_spec.cli import COMMANDS, parser_of

_HEAD = """# Commands and exit status

`rollout-spec [--repo DIR] COMMAND`, or `python -m rollout_spec`. `rollout-spec COMMAND --help` prints the text of
this page in a terminal. Data goes to stdout, progress and messages to stderr. `NO_COLOR` and a non-terminal turn
colors off. This page is generated from the commands.

## Exit status

| status | meaning |
|---|---|
| 0 | nothing is wrong, or there are only warnings |
| 1 | findings, manifests out of date, a step or rollback that was not done, or no rollback target |
| 2 | the command or its input cannot be used: bad arguments, no workspace, an unknown rollout |
| 3 | an outside service failed: the forge, Prometheus, a registry, the disk |
| 130, 143 | ended by Ctrl-C, or by SIGTERM |

`rollback` returns 0 if it opened or adopted a pull request, and if a known version receives no requests. It returns 1
if a breach is real and nothing was proposed.
"""


def page() -> str:
    """Return the page."""
    rows = "".join(f"| [{name}](#{name}) | {text} |\n" for name, text in COMMANDS.items())
    table = f"## All commands\n\n| command | effect |\n|---|---|\n{rows}"
    return "\n".join([_HEAD, table, *(section(name, parser_of(name)) for name in COMMANDS)])


def section(name: str, parser: argparse.ArgumentParser, level: str = "##") -> str:
    """Return the section of a command, and those of its subcommands below it."""
    subcommands = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    hidden = {"help", "repo", *(each.dest for each in subcommands)}
    actions = [each for each in parser._actions if each.help != argparse.SUPPRESS and each.dest not in hidden]
    usage = " ".join([parser.prog, *_usage(actions), *("COMMAND …" for _ in subcommands)])
    parts = [f"{level} {name}", f"```sh\n{usage}\n```", *_prose(parser.description or "")]
    if actions:
        table = "".join(f"| {_argument(each)} | {_help(each)} |\n" for each in actions)
        parts.append(f"| argument | meaning |\n|---|---|\n{table}".rstrip())
    for each in subcommands:
        below = {id(sub): (word, sub) for word, sub in reversed(each.choices.items())}  # an alias is the same parser
        parts += (section(f"{name} {word}", sub, f"{level}#").rstrip() for word, sub in reversed(below.values()))
    return "\n\n".join(parts) + "\n"


def _usage(actions: list[argparse.Action]) -> Iterator[str]:
    """Yield the parts of a command line: required options, the others as one, then positional arguments."""
    options = [each for each in actions if each.option_strings]
    yield from (f"{each.option_strings[-1]} {_value(each)}" for each in options if each.required)
    if any(not each.required for each in options):
        yield "[OPTION …]"
    for each in actions:
        if not each.option_strings:
            many = "…" if each.nargs in ("*", "+") else ""
            yield f"[{_value(each)}{many}]" if each.nargs in ("?", "*") else f"{_value(each)}{many}"


def _argument(action: argparse.Action) -> str:
    names = action.option_strings or [_value(action)]
    value = f" {_value(action)}" if action.option_strings and action.nargs != 0 else ""
    return ", ".join(f"`{name}{value}`" for name in names).replace("|", "\\|")


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("|", "\\|")
    return f"{text}{' (required)' if action.option_strings and action.required else ''}"


def _prose(description: str) -> Iterator[str]:
    """Yield a docstring as Markdown: examples of commands and indented lines are code."""
    for paragraph in textwrap.dedent(description).strip().split("\n\n"):
        lines = paragraph.splitlines()
        if lines[0].startswith("rollout-spec ") or any(line.startswith(" ") for line in lines):
            yield f"```text\n{paragraph}\n```"
        else:
            yield re.sub(r"(?<![`\w-])(--[a-z][a-z-]+)", r"`\1`", " ".join(lines)).replace("``", "`")
