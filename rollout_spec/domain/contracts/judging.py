"""Judges of instances: whether a schema accepts one, by ``jsonschema``, and whether that is certain.

It is not certain if a reference leads nowhere, if engines read a regular expression differently, or if the judgement
fails in any way. Nothing is ever fetched: the registry of schemas is empty.

Source: https://python-jsonschema.readthedocs.io/en/stable/referencing/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry

from rollout_spec.core.bounded_process.budget import OutOfTimeError
from rollout_spec.domain.contracts.guarding import Carrier, Work, WorkDoneError, guarded
from rollout_spec.domain.contracts.json_schema import NotASchema, Schema

_MOST_AT_ONCE = 30_000
_OLD_DIALECTS = "https://json-schema.org/draft-0"
_BY_NAME = frozenset(("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"))
"""Keywords that map names to schemas. A name may be ``$schema``."""
_VALUES = frozenset(("const", "default", "enum", "example", "examples"))
"""Keywords that hold instances and not schemas."""


def dialect_of(schema: Schema) -> type[Validator] | None:
    """Return the validator class of a schema's dialect: 2020-12 if it names none, None if it is unknown."""
    if isinstance(schema, bool) or "$schema" not in schema:
        return Draft202012Validator
    address = schema["$schema"]
    if not isinstance(address, str):
        return None
    if address.startswith(_OLD_DIALECTS):  # their own addresses have http, and many people write https
        address = "http" + address.removeprefix("https")
    try:
        return validator_for({"$schema": address}, default=None)  # type: ignore[arg-type]
    except ValueError:  # not an address
        return None


def check_schema(schema: Schema) -> None:
    """Validate a schema with the metaschema of its dialect. NotASchema if it fails."""
    dialect = dialect_of(schema)
    try:
        if dialect is not None:
            dialect.check_schema(schema, format_checker=None)  # type: ignore[arg-type, call-arg]
    except SchemaError as error:
        message = f"this fails `{error.validator}` of its metaschema"
        raise NotASchema(message, tuple(error.absolute_path)) from None


class Judge:
    """A schema that judges instances. ``work`` is shared by the judges of one comparison."""

    def __init__(self, schema: Schema, work: Work) -> None:
        dialect = dialect_of(schema)
        self.is_known = dialect is not None and not _names_dialect(schema)
        self.schema: Schema = bare(schema)
        made = guarded(dialect or Draft202012Validator)
        self._work = work
        self._carrier = Carrier(work)
        judged = self.schema if self.is_known else True  # of an unknown dialect even `$id` may be malformed
        self._validator = made(judged, registry=Registry(), format_checker=self._carrier)

    def accepts(self, instance: Any, part: Schema | None = None) -> bool | None:
        """Return whether the schema, or a part of it, accepts an instance. None if that is not certain."""
        validator = self._validator if part is None else self._validator.evolve(schema=part)
        self._work.take()
        begin, self._carrier.depth = self._work.left, 0
        try:
            return next(iter(validator.iter_errors(instance)), None) is None
        except WorkDoneError:
            self._work.explodes = begin > _MOST_AT_ONCE
            raise
        except (OutOfTimeError, MemoryError):
            raise
        except RecursionError:
            self._work.loop()
            return None
        except Exception:  # from the library, from its dependencies, or from an invalid schema
            return None
        except BaseException as error:
            _raise_unless_panic(error)
            self._work.loop()
            return None

    def errors(self, instance: Any) -> Iterator[ValidationError]:
        """Give the errors of an instance. Exceptions of the library pass through."""
        self._carrier.depth = 0
        yield from self._validator.iter_errors(instance)


class PlainJudge:
    """A judge with the unchanged library and floating-point numbers, which confirms a judgement."""

    def __init__(self, content: bytes) -> None:
        schema = json.loads(content.decode("utf-8-sig"))
        dialect = dialect_of(schema)
        judged = bare(schema) if dialect is not None else True
        self._validator = (dialect or Draft202012Validator)(judged, registry=Registry())

    def accepts(self, instance: Any) -> bool | None:
        """Return whether the schema accepts an instance. None if the library fails."""
        try:
            return bool(self._validator.is_valid(json.loads(spelled(instance))))
        except (OutOfTimeError, MemoryError):
            raise
        except Exception:
            return None
        except BaseException as error:
            _raise_unless_panic(error)
            return None


def _raise_unless_panic(error: BaseException) -> None:
    """Raise an error again unless it comes from a Rust library that exhausted the stack."""
    if type(error).__name__ != "PanicException":
        raise error


def spelled(instance: Any) -> str:
    """Return an instance as JSON.

    ValueError if a number is beyond those of a processor, so that readers differ.
    """
    return json.dumps(instance, default=float, allow_nan=False)


def bare(schema: Schema) -> Schema:
    """Return a schema without its dialect.

    With it, a reference to the whole schema would select a new validator.
    """
    return schema if isinstance(schema, bool) else {name: part for name, part in schema.items() if name != "$schema"}


def _names_dialect(data: Any) -> bool:
    """Return whether a schema below the top names a dialect of its own."""
    todo, is_top = [data], True
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            if "$schema" in node and not is_top:
                return True
            for key, value in node.items():
                named = key in _BY_NAME and isinstance(value, dict)
                todo += value.values() if named else [] if key in _VALUES else [value]
        elif isinstance(node, list):
            todo += node
        is_top = False
    return False
