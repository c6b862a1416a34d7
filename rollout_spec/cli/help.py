"""Parsers of command lines: the layout of ``--help`` within 80 columns, and errors with hints."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt, nearest

_CHOICE = re.compile(r"argument (.*?): invalid choice: '?(.*?)'? \(choose from (.*)\)", re.DOTALL)
_UNKNOWN = "unrecognized arguments: "
_MOST_COLUMNS = 80
_EXAMPLE = "rollout-spec "


class HelpFormatter(argparse.HelpFormatter):
    """Fills paragraphs to the width of the terminal, at most 80 columns.

    A line that begins with ``rollout-spec`` is an example. Two blanks separate it from its meaning. An indented line
    stays as it is.
    """

    def __init__(self, prog: str) -> None:
        import shutil  # no other command needs it

        super().__init__(prog, width=min(_MOST_COLUMNS, shutil.get_terminal_size().columns) - 1)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(_filled(paragraph, width) for paragraph in text.strip().split("\n\n"))


class Parser(argparse.ArgumentParser):
    """A parser that raises its errors as UserErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise UserError with a hint: the option of a similar name, or the command that lists them."""
        hint = f"`{self.prog} --help` lists the arguments"
        if message.startswith(_UNKNOWN):
            name = message.removeprefix(_UNKNOWN).partition(" ")[0].partition("=")[0]  # empty for an empty argument
            similar = nearest(name, self._known_options()) if name.startswith("-") else None
            hint = f"did you mean `{similar}`?" if similar else hint
            message = message if message != _UNKNOWN else "an argument is empty, and not expected"
        if choice := _CHOICE.fullmatch(message):  # its quotes depend on the release of Python
            name, given, known = choice.groups()
            choices = known.replace("'", "").split(", ")
            message, hint = f"argument {name}: there is no `{excerpt(given)}`", did_you_mean(given, choices) or hint
        raise UserError(f"{self.prog.partition(' ')[2]}: {message}".removeprefix(": "), hint=hint)

    def _known_options(self) -> list[str]:
        """Return the options of this parser and of its actions, whose unknown arguments come back here."""
        groups = [action.choices for action in self._actions if isinstance(action, argparse._SubParsersAction)]
        parsers = [self, *(parser for choices in groups for parser in choices.values())]
        return [option for parser in parsers for option in parser._option_string_actions]


def _filled(paragraph: str, width: int) -> str:
    import textwrap

    lines = paragraph.splitlines()
    if lines[0].startswith(_EXAMPLE):
        return "\n".join(_example(line, width) for line in lines)
    if any(line.startswith(" ") for line in lines):
        return paragraph
    return textwrap.fill(paragraph, width, break_long_words=False, break_on_hyphens=False)


def _example(line: str, width: int) -> str:
    """Return an example, with its meaning on a line of its own if both do not fit on one."""
    if len(line) <= width:
        return line
    import textwrap

    example, *meaning = re.split(r" {2,}", line, maxsplit=1)
    lines = [(example, "  ", "      "), *((text, "      ", "      ") for text in meaning)]
    return "\n".join(
        textwrap.fill(
            text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
        )
        for text, first, rest in lines
    )
