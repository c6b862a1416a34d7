"""The record of a version from options or from a file, validated by the schema of records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Problem
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import is_version
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.core.yaml.scalars import resolve
from rollout_spec.spec.rollout import VersionRecord
from rollout_spec.spec.validation_errors import problems

_TEXTS = {
    "model": "the registry entry",
    "artifact": "where the model's bytes are",
    "digest": "the digest of those bytes",
    "format": "the model's format",
    "runId": "the training run that made it",
    "datasetDigest": "the digest of the data it was trained on",
}
_PAIRS = {"metrics": ("metric", "an offline metric"), "requires": ("requires", "a pin on a component")}
_ORDER = tuple(field.alias or name for name, field in VersionRecord.model_fields.items())


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the fields of a record as options."""
    parser.add_argument("--from", dest="source", metavar="FILE", help="a file with the record; - reads stdin")
    for name, text in _TEXTS.items():
        parser.add_argument(_option(name), dest=name, metavar="TEXT", help=text)
    for name, (option, text) in _PAIRS.items():
        parser.add_argument(f"--{option}", dest=name, metavar="NAME=VALUE", action="append", default=[], help=text)


def version(text: str) -> str:
    """Return a new version. UserError if it is not a valid version."""
    if not is_version(text):
        raise UserError(f"`{excerpt(text)}` is not a version", hint="use letters, digits, `.`, `_`, `+` and `-`")
    return text


def record(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return a record as plain data with ordered fields. UserError with the position if it is invalid."""
    fields = _from_file(place.start_of(arguments), arguments.source) if arguments.source else {}
    fields |= {name: getattr(arguments, name) for name in _TEXTS if getattr(arguments, name) is not None}
    for name in _PAIRS:
        pairs = _pairs(name, getattr(arguments, name))
        if pairs:
            fields[name] = {**(fields.get(name) or {}), **pairs}
    problems_found = _wrong(fields)
    if problems_found:
        field = _option(str(problems_found[0].path[0])) if problems_found[0].path else "the record"
        raise UserError(f"{field}: {problems_found[0].message}", hint=problems_found[0].hint)
    if not fields:
        raise UserError("the record is empty", hint="use --artifact URI --digest sha256:…, or --from FILE")
    return {name: fields[name] for name in _ORDER if fields.get(name) is not None}


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
            raise UserError(f"{_option(name)}: `{excerpt(text)}` {problem}")
        values[key] = _number(value) if name == "metrics" else value
    return values


def _number(text: str) -> Any:
    try:
        return resolve(text)
    except ValueError as error:
        raise UserError(f"--metric: {error}") from None


def _from_file(start: Path, path: str) -> dict[str, Any]:
    """Read one record from a file. UserError with the line of an error in it."""
    document = parse(_read(start, path))
    if not document.readable:
        error = next(each for each in document.problems if each.severity == "error")
        raise UserError(f"{_shown(path)}:{error.span.line}:{error.span.column}: {error.message}", hint=error.hint)
    if not isinstance(document.data, Mapping):
        raise UserError(f"{_shown(path)}:1:1: the record is not a mapping of `artifact`, `digest` and so on")
    problems_found, path = _wrong(document.data, document), _shown(path)
    if problems_found:
        spans = [(each, document.span(each.path, on_key=each.on_key)) for each in problems_found]
        messages = [f"{path}:{span.line}:{span.column}: {each.message}" for each, span in spans]
        raise UserError("\n".join(messages), hint=problems_found[-1].hint)
    return dict(document.data)


def _shown(path: str) -> str:
    return "stdin" if path == "-" else path


def _read(start: Path, path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with (start / path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _wrong(data: Mapping[str, Any], document: Document | None = None) -> list[Problem]:
    try:
        VersionRecord.model_validate(dict(data))
    except ValidationError as error:
        return list(problems(error, data, VersionRecord, document.bare if document else lambda path: None))
    return []
