"""The message that names every missing option of ``bootstrap``, with a command that has all of them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rollout_spec.cli import terminal
from rollout_spec.cli.step_output import unwritten
from rollout_spec.core.errors import USAGE
from rollout_spec.core.text import aligned
from rollout_spec.core.yaml.format import inline
from rollout_spec.lifecycle.options import OPTIONS, RECORD_OPTIONS
from rollout_spec.workflows.bootstrap import Gaps, MissingOption

_ZEROS = "0" * 64


def report_gaps(arguments: argparse.Namespace, gaps: Gaps) -> int:
    """Print the missing options and the other errors. Return 2 if an option is missing, else 1."""
    name = arguments.rollout
    if gaps.missing:
        count = len(gaps.missing)
        noun = "option is" if count == 1 else "options are"
        terminal.say(f"rollout-spec: {name} was not written: {count} {noun} missing:")
        terminal.say("\n".join(f"  {line.rstrip()}" for line in aligned([_row(each) for each in gaps.missing])))
    if gaps.errors:
        start = "besides, it" if gaps.missing else f"rollout-spec: {name} was not written: it"
        terminal.say(f"{start} would have these errors:")
        terminal.say("\n".join(unwritten(each, f"rollouts/{name}.yaml") for each in gaps.errors))
    if gaps.missing:
        words = [*_given(arguments), *(word for each in gaps.missing for word in _words(each))]
        terminal.say(f"  for example: rollout-spec bootstrap {name} {' '.join(words)}")
        if arguments.like is None:
            terminal.say("  --from FILE reads the record from a file, --like ROLLOUT copies the other settings")
    return USAGE if gaps.missing else 1


def _row(missing: MissingOption) -> list[str]:
    """Return the columns of an option: its name, its meaning, and the rules or policies that demand it."""
    reasons = [reason for reason in missing.reasons if reason not in ("schema", "references-exist")]
    return [missing.option, missing.text, f"[{', '.join(reasons)}]" if reasons else ""]


def _words(missing: MissingOption) -> Iterator[str]:
    for value in missing.example if isinstance(missing.example, list) else [missing.example]:
        text = shlex.quote(_target(value) if isinstance(value, Mapping) else str(value))
        yield f"{missing.option} {text.replace(_ZEROS, '…')}"


def _target(target: Mapping[str, Any]) -> str:
    return inline(target) if len(target) > 1 else str(target["type"])


def _given(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the options that were given, as words of a command line."""
    names = {"version": "--version", "like": "--like", "source": "--from", **RECORD_OPTIONS}
    for path, option in OPTIONS.items():
        field = str(path[-1])
        fits = {"reviewers": "reviewer", "targets": "target"}
        is_service = hasattr(arguments, f"service_{field}")
        names[f"service_{field}" if is_service else fits.get(field, field)] = option
    for name, option in names.items():
        value = getattr(arguments, name, None)
        for text in value if isinstance(value, list) else [] if value is None else [value]:
            yield f"{option} {shlex.quote(str(text))}"
