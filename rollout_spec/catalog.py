"""Which targets there are, and what a rollout may say about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from rollout_spec import resources
from rollout_spec.document import parse
from rollout_spec.errors import UserError
from rollout_spec.finding import KeyPath, Problem
from rollout_spec.links import HINT
from rollout_spec.spec.problems import did_you_mean, nearest, problems
from rollout_spec.spec.target import Option, TargetDefinition
from rollout_spec.tree import Overlay, Tree
from rollout_spec.units import LONGEST_DURATION, parse_duration

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import VersionRecord

MOST_TEMPLATES = 4 * 1024**2
"""The bytes of all templates of an organization's own target."""
_FOUND: WeakKeyDictionary[Tree, dict[str, TargetDefinition | None]] = WeakKeyDictionary()
_TYPES: Mapping[str, tuple[type, str]] = {
    "text": (str, "text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "`true` or `false`"),
    "duration": (str, "a duration"),
    "mapping": (dict, "a mapping"),
}


def names(tree: Tree) -> list[str]:
    """Return the names of all targets: the shipped ones and the organization's own."""
    own = [name for name in tree.names("templates") if tree.read(f"templates/{name}/target.yaml") is not None]
    return sorted({*resources.names("templates"), *own})


def _unedited(tree: Tree) -> Tree:
    """Return the tree whose templates these are: the edits of a rollback are of none."""
    while isinstance(tree, Overlay) and not any(path.startswith("templates/") for path in tree.edits):
        tree = tree.below
    return tree


def find(name: str, tree: Tree) -> TargetDefinition | None:
    """Return a target: the organization's own before a shipped one. UserError where its ``target.yaml`` is wrong."""
    tree = _unedited(tree)
    known = _FOUND.setdefault(tree, {})
    if name not in known:
        path = f"templates/{name}/target.yaml"
        own = tree.read(path)
        link = tree.link(path)
        if link not in (None, "templates"):  # no shipped target stands in for one that is there and cannot be read
            raise UserError(f"{link} is a link or a submodule, and is not followed", hint=HINT)
        known[name] = _shipped(name) if own is None else _read(path, own)
    return known[name]


@cache
def _shipped(name: str) -> TargetDefinition | None:
    path = f"templates/{name}/target.yaml"
    return _read(path, resources.read(path)) if resources.find(path).is_file() else None


def is_own(name: str, tree: Tree) -> bool:
    """Return whether a target is the organization's own."""
    return _unedited(tree).read(f"templates/{name}/target.yaml") is not None


def templates(name: str, tree: Tree) -> Mapping[str, str]:
    """Return the texts of a target's templates by file name, from the place where the target itself is."""
    tree = _unedited(tree)
    if not is_own(name, tree):
        return _shipped_templates(name)
    return {file: content.decode("utf-8", "replace") for file, content in _own_templates(f"templates/{name}", tree)}


def _own_templates(folder: str, tree: Tree) -> Iterator[tuple[str, bytes]]:
    """Give the files of a folder. UserError if they are too large: all are held in memory at once."""
    size = 0
    for file in tree.names(folder):
        content = tree.read(f"{folder}/{file}")
        size += len(content or b"")
        if size > MOST_TEMPLATES:
            raise UserError(f"{folder} holds more than {MOST_TEMPLATES // 1024**2} MiB: too much for a target")
        if content is not None:
            yield file, content


@cache
def _shipped_templates(name: str) -> Mapping[str, str]:
    folder = f"templates/{name}"
    return {file: resources.read(f"{folder}/{file}").decode() for file in resources.names(folder)}


def missing(record: VersionRecord, definition: TargetDefinition) -> list[str]:
    """Return the fields that a target needs of each version that it renders, and that a record does not have."""
    names = _attributes() if definition.needs else {}
    return [field for field in definition.needs if getattr(record, names.get(field, ""), None) is None]


@cache
def _attributes() -> dict[str | None, str]:
    """Return what the fields of a record are called in Python."""
    from rollout_spec.spec.rollout import VersionRecord

    return {field.alias: name for name, field in VersionRecord.model_fields.items()}


def option_problems(options: Mapping[str, Any], known: Mapping[str, Option], at: KeyPath) -> Iterator[Problem]:
    """Give what is wrong with the options that a rollout sets; ``at`` is where they stand."""
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            hint = did_you_mean(name, known) or (
                f"it takes {', '.join(f'`{each}`' for each in sorted(known))}" if known else "it takes none"
            )
            yield Problem((*at, name), f"this target has no option `{name}`", hint, on_key=True)
            continue
        yield from _value_problems(value, option, (*at, name))
    absent = [name for name, option in known.items() if option.required and name not in options]
    misspelt = {nearest(name, absent) for name in options if name not in known} if absent else set()
    for name in absent:
        if name not in misspelt:
            yield Problem(at, f"the option `{name}` is missing: {known[name].description}", on_key=True)


def _value_problems(value: Any, option: Option, at: KeyPath) -> Iterator[Problem]:
    python, words = _TYPES[option.type]
    if not isinstance(value, python) or (python is int and isinstance(value, bool)):
        yield Problem(
            at,
            f"this is {words}, not `{str(value)[:60]}`",
            "quote it" if option.type == "text" and not isinstance(value, dict | list) else None,
        )
    elif option.minimum is not None and isinstance(value, int) and value < option.minimum:
        yield Problem(at, f"this is at least {option.minimum}, not `{value}`")
    elif option.choices is not None and value not in option.choices:
        yield Problem(
            at,
            f"this is one of {', '.join(f'`{each}`' for each in option.choices)}, not `{str(value)[:60]}`",
            did_you_mean(str(value), option.choices),
        )
    elif option.type == "duration":
        yield from _duration_problems(cast(str, value), at)
    elif option.type == "mapping" and option.fields is not None:
        yield from option_problems(cast("dict[str, Any]", value), option.fields, at)


def _duration_problems(value: str, at: KeyPath) -> Iterator[Problem]:
    try:
        if parse_duration(value) > LONGEST_DURATION:
            yield Problem(at, "a duration of more than 292 years is too long")
    except ValueError as error:
        yield Problem(at, str(error))


def with_defaults(options: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """Return a value for every option: what a rollout says, else the default, else None."""
    filled: dict[str, Any] = {}
    for name, option in known.items():
        value = options.get(name, option.default)
        if (
            option.fields is not None
            and (isinstance(value, dict) or value is None)
            and (value is not None or name in options)
        ):
            value = with_defaults(value or {}, option.fields)
        filled[name] = value
    return filled


def _read(path: str, content: bytes) -> TargetDefinition:
    document = parse(content)
    if document.flaws:
        flaw = document.flaws[0]
        raise UserError(f"{path}:{flaw.span.line}:{flaw.span.column}: {flaw.message}", hint=flaw.hint)
    try:
        return TargetDefinition.model_validate(document.data)
    except ValidationError as error:
        problem = next(problems(error, document.data, TargetDefinition, document.bare))
        place = document.span(problem.path, on_key=problem.on_key)
        raise UserError(f"{path}:{place.line}:{place.column}: {problem.message}", hint=problem.hint) from None
