"""What a version is comes as options or as a file of one record: either way it is what the schema says of records."""

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
from rollout_spec.core.units import is_version
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.core.yaml.scalars import excerpt, resolve
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
    """Declare the fields of a record, as options."""
    parser.add_argument("--from", dest="source", metavar="FILE", help="a file with the record; - reads stdin")
    for name, words in _TEXTS.items():
        parser.add_argument(_option(name), dest=name, metavar="TEXT", help=words)
    for name, (option, words) in _PAIRS.items():
        parser.add_argument(f"--{option}", dest=name, metavar="NAME=VALUE", action="append", default=[], help=words)


def version(text: str) -> str:
    """Return a new version as it was given. UserError if it is spelled as none."""
    if not is_version(text):
        raise UserError(f"`{excerpt(text)}` is no version", hint="a version has letters, digits, `.`, `_`, `+` and `-`")
    return text


def record(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return a record as plain data, its fields in their order. UserError says where it is wrong."""
    found = _from_file(place.start_of(arguments), arguments.source) if arguments.source else {}
    found |= {name: getattr(arguments, name) for name in _TEXTS if getattr(arguments, name) is not None}
    for name in _PAIRS:
        pairs = _pairs(name, getattr(arguments, name))
        if pairs:
            found[name] = {**(found.get(name) or {}), **pairs}
    wrong = _wrong(found)
    if wrong:
        at = _option(str(wrong[0].path[0])) if wrong[0].path else "the record"
        raise UserError(f"{at}: {wrong[0].message}", hint=wrong[0].hint)
    if not found:
        raise UserError("a record says what the version is", hint="--artifact URI --digest sha256:…, or --from FILE")
    return {name: found[name] for name in _ORDER if found.get(name) is not None}


def _option(name: str) -> str:
    if name in _PAIRS:
        return f"--{_PAIRS[name][0]}"
    return "--" + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)


def _pairs(name: str, given: Sequence[str]) -> dict[str, Any]:
    """Read ``auc=0.91``: metrics are numbers, and pins are text."""
    found: dict[str, Any] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key or key in found:
            words = "is given twice" if key in found else "is no NAME=VALUE"
            raise UserError(f"{_option(name)}: `{excerpt(text)}` {words}")
        found[key] = _number(value) if name == "metrics" else value
    return found


def _number(text: str) -> Any:
    try:
        return resolve(text)
    except ValueError as error:
        raise UserError(f"--metric: {error}") from None


def _from_file(start: Path, path: str) -> dict[str, Any]:
    """Read one record. UserError with the line of what is wrong in it."""
    document = parse(_read(start, path))
    if not document.readable:
        flaw = next(each for each in document.flaws if each.severity == "error")
        raise UserError(f"{_shown(path)}:{flaw.span.line}:{flaw.span.column}: {flaw.message}", hint=flaw.hint)
    if not isinstance(document.data, Mapping):
        raise UserError(f"{_shown(path)}:1:1: a record is a mapping: `artifact`, `digest` and so on")
    wrong, path = _wrong(document.data, document), _shown(path)
    if wrong:
        spans = [(each, document.span(each.path, on_key=each.on_key)) for each in wrong]
        told = [f"{path}:{span.line}:{span.column}: {each.message}" for each, span in spans]
        raise UserError("\n".join(told), hint=wrong[-1].hint)
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
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _wrong(data: Mapping[str, Any], document: Document | None = None) -> list[Problem]:
    try:
        VersionRecord.model_validate(dict(data))
    except ValidationError as error:
        return list(problems(error, data, VersionRecord, document.bare if document else lambda path: None))
    return []
