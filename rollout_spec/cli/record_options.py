"""The options of a version's record, which override the fields of a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from rollout_spec.cli import workspace as place
from rollout_spec.cli.terminal import say
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import is_version
from rollout_spec.core.yaml.scalars import resolve
from rollout_spec.workflows.record import in_order, read_record, record_problems

_TEXTS = {
    "model": "the registry entry",
    "artifact": "where the model's bytes are",
    "digest": "the digest of those bytes",
    "format": "the model's format",
    "runId": "the training run that made it",
    "datasetDigest": "the digest of the data it was trained on",
}
_PAIRS = {"metrics": ("metric", "an offline metric"), "requires": ("requires", "a pin on a component")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the fields of a record as options."""
    parser.add_argument(
        "--from", dest="source", metavar="FILE", help="a file with the record, - for stdin, or `models:/NAME/VERSION`"
    )
    for name, text in _TEXTS.items():
        parser.add_argument(_option(name), dest=name, metavar="TEXT", help=text)
    for name, (option, text) in _PAIRS.items():
        parser.add_argument(f"--{option}", dest=name, metavar="NAME=VALUE", action="append", default=[], help=text)


def version(text: str) -> str:
    """Return a new version. UserError if it is not a valid version."""
    if not is_version(text):
        raise UserError(f"`{excerpt(text)}` is not a version", hint="use letters, digits, `.`, `_`, `+` and `-`")
    return text


def record(arguments: argparse.Namespace, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Return a record as plain data with ordered fields.

    UserError with every wrong field, or its position in a file.
    """
    given = {name: getattr(arguments, name) for name in _TEXTS if getattr(arguments, name) is not None}
    fields = {**_source(arguments, given), **given}
    for name in _PAIRS:
        pairs = _pairs(name, getattr(arguments, name))
        if pairs:
            fields[name] = {**(fields.get(name) or {}), **pairs}
    problems_found = record_problems(fields)
    if problems_found:
        fields_named = [_option(str(each.path[0])) if each.path else "the record" for each in problems_found]
        messages = [f"{name}: {each.message}" for name, each in zip(fields_named, problems_found, strict=True)]
        raise UserError("\n".join(messages), hint=problems_found[0].hint if len(messages) == 1 else None)
    if not fields and not may_be_empty:
        raise UserError("the record is empty", hint="use --artifact URI --digest sha256:…, or --from FILE")
    return in_order(fields)


def _source(arguments: argparse.Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the file or the registry entry that ``--from`` names."""
    source = arguments.source
    if not source:
        return {}
    if not source.startswith("models:"):
        return read_record(place.start_of(arguments), source)
    from rollout_spec.workflows.newest import local_workspace
    from rollout_spec.workflows.registry import of_command_line, open_registry
    from rollout_spec.workflows.registry_record import record_from

    here = place.find_anywhere(arguments)
    repository = local_workspace(here)
    settings = repository.settings
    with open_registry(settings.registry if settings else None, of_command_line(here.workspace)) as access:
        given = {**given, **{name: _pairs(name, getattr(arguments, name)) for name in _PAIRS}}
        draft = record_from(source, repository, access, given)
    for note in draft.notes:
        say(note)
    return draft.fields


def _option(name: str) -> str:
    if name in _PAIRS:
        return f"--{_PAIRS[name][0]}"
    return "--" + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)


def _pairs(name: str, given: Sequence[str]) -> dict[str, Any]:
    """Parse options like ``auc=0.91``: metrics are numbers, pins are text."""
    values: dict[str, Any] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key or key in values:
            problem = "is given twice" if key in values else "is not NAME=VALUE"
            example = {"metrics": "auc=0.91", "requires": "tokenizer=1.4.2"}[name]
            raise UserError(f"{_option(name)}: `{excerpt(text)}` {problem}", hint=f"write `{_option(name)} {example}`")
        values[key] = _number(value) if name == "metrics" else value
    return values


def _number(text: str) -> Any:
    try:
        return resolve(text)
    except ValueError as error:
        raise UserError(f"--metric: {error}") from None
