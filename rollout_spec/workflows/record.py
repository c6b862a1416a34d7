"""The record of a new version: read from a file, and validated by the schema of records."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Problem
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.spec.rollout import VersionRecord
from rollout_spec.spec.validation_errors import problems

_ORDER = tuple(field.alias or name for name, field in VersionRecord.model_fields.items())


def read_record(start: Path, path: str) -> dict[str, Any]:
    """Read one record from a file, or from stdin for ``-``. UserError with the line of an error in it."""
    document = parse(_read(start, path))
    shown = "stdin" if path == "-" else path
    if not document.readable:
        error = next(each for each in document.problems if each.severity == "error")
        raise UserError(f"{shown}:{error.span.line}:{error.span.column}: {error.message}", hint=error.hint)
    if not isinstance(document.data, Mapping):
        raise UserError(f"{shown}:1:1: the record is not a mapping of `artifact`, `digest` and so on")
    problems_found = record_problems(document.data, document)
    if problems_found:
        spans = [(each, document.span(each.path, on_key=each.on_key)) for each in problems_found]
        messages = [f"{shown}:{span.line}:{span.column}: {each.message}" for each, span in spans]
        raise UserError("\n".join(messages), hint=problems_found[-1].hint)
    return dict(document.data)


def _read(start: Path, path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with (start / path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        is_elsewhere = start != Path.cwd() and not Path(path).is_absolute()
        hint = "with --repo DIR, the path begins in DIR" if is_elsewhere else None
        raise UserError(f"cannot read {path}: {error.strerror}", hint=hint) from None


def record_problems(data: Mapping[str, Any], document: Document | None = None) -> list[Problem]:
    """Return the problems of a record's fields. ``document`` has their text, if they are from a file."""
    try:
        VersionRecord.model_validate(dict(data))
    except ValidationError as error:
        return list(problems(error, data, VersionRecord, document.bare if document else lambda path: None))
    return []


def in_order(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value, in the order of the schema."""
    return {name: fields[name] for name in _ORDER if fields.get(name) is not None}
