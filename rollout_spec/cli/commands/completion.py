"""Print the completion of commands, options and files for a shell.

rollout-spec completion bash  for bash: `source <(rollout-spec completion bash)` in ~/.bashrc
rollout-spec completion zsh   for zsh: write it to a file `_rollout-spec` in a folder of `fpath`
rollout-spec completion fish  for fish: write it to ~/.config/fish/completions/rollout-spec.fish

In bash, the names of rollouts are completed too. It needs the extra `completion`.
"""

from __future__ import annotations

import argparse
from typing import Any

from rollout_spec.cli import COMMANDS, parser_of
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt

_SHELLS = ("bash", "zsh", "fish", "tcsh")
_ROLLOUTS = {"bash": "_rollout_spec_rollouts"}
_PREAMBLE = {
    "bash": r"""
_rollout_spec_rollouts() {
  local folder="$PWD" file name
  while [[ -n "$folder" && ! -e "$folder/.rollout-spec.yaml" ]]; do folder="${folder%/*}"; done
  for file in "$folder"/rollouts/*.yaml; do
    name="${file##*/}" name="${name%.yaml}"
    [[ "$name" =~ ^[a-z0-9-]+$ && "$name" == "$1"* ]] && echo "$name"
  done
}
"""
}
"""Names of files are words of the shell: only those of the form of a name are printed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", metavar="SHELL", help=", ".join(_SHELLS))


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    shell = arguments.shell
    if shell not in _SHELLS:
        raise UserError(f"there is no completion for `{excerpt(shell)}`", hint=did_you_mean(shell, _SHELLS))
    try:
        import shtab
    except ModuleNotFoundError:
        hint = "pip install 'rollout-spec[completion]'"
        raise UserError("`completion` needs the Python package `shtab`", hint=hint) from None
    print(shtab.complete(_whole_parser(shtab), shell, preamble=_PREAMBLE.get(shell, "")))
    return 0


def _whole_parser(shtab: Any) -> argparse.ArgumentParser:
    """Return a parser of all commands; a run has one of its own command only."""
    parser = argparse.ArgumentParser(prog="rollout-spec", add_help=True)
    parser.add_argument("--repo", metavar="DIR", help="work as if started in DIR").complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    parser.add_argument("--version", action="store_true", help="print the version")
    parsers = parser.add_subparsers(dest="command")
    for name, text in COMMANDS.items():
        own = parser_of(name)
        parsers.add_parser(name, help=text, parents=[own], add_help=False)
        for action in own._actions:
            _complete(action, shtab)
    return parser


def _complete(action: Any, shtab: Any) -> None:
    """Declare what completes a value, by its name in the help."""
    if action.metavar in ("FILE", "PATH", "ADDRESS"):
        action.complete = shtab.FILE
    elif action.metavar == "DIR":
        action.complete = shtab.DIRECTORY
    elif action.metavar == "ROLLOUT":
        action.complete = _ROLLOUTS
    elif action.metavar == "SHELL":
        action.choices = _SHELLS
