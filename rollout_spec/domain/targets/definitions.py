"""The definitions of targets: those that are shipped, and the organization's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from rollout_spec.core import package_data as resources
from rollout_spec.core import patterns
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Problem
from rollout_spec.core.links import HINT
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.domain.targets.limits import Limits
from rollout_spec.domain.targets.options import Fits, default_problems
from rollout_spec.spec.target import TargetDefinition
from rollout_spec.spec.validation_errors import problems
from rollout_spec.workspace.tree import Overlay, Tree

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import Target, VersionRecord

MOST_TEMPLATES = 4 * 1024**2
"""The bytes of all templates of an organization's own target."""
_FOUND: WeakKeyDictionary[Tree, dict[str, TargetDefinition | None]] = WeakKeyDictionary()
_OWN: WeakKeyDictionary[Tree, dict[str, bytes | None]] = WeakKeyDictionary()


def names(tree: Tree) -> list[str]:
    """Return the names of all targets: the shipped ones and the organization's own."""
    own = [name for name in tree.names("templates") if tree.read(f"templates/{name}/target.yaml") is not None]
    return sorted({*resources.names("templates"), *own})


def _unedited(tree: Tree) -> Tree:
    """Return the tree below the edits that touch no template, so that the cache is shared."""
    while isinstance(tree, Overlay) and "templates" not in tree.edited_folders:
        tree = tree.below
    return tree


def find(name: str, tree: Tree) -> TargetDefinition | None:
    """Return a target, the organization's own before a shipped one.

    UserError if its ``target.yaml`` is wrong.
    """
    tree = _unedited(tree)
    known = _FOUND.setdefault(tree, {})
    if name not in known:
        path = f"templates/{name}/target.yaml"
        own = _own(name, tree)
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
    return _own(name, tree) is not None


def _own(name: str, tree: Tree) -> bytes | None:
    """Return the ``target.yaml`` of an organization's own target, read once. None if there is none."""
    tree = _unedited(tree)
    known = _OWN.setdefault(tree, {})
    if name not in known:
        known[name] = tree.read(f"templates/{name}/target.yaml")
    return known[name]


def fits(name: str, tree: Tree, about: str) -> Fits:
    """Return the function that matches a text with a pattern of a target, for the file ``about``."""
    return partial(patterns.matches_bounded, about=about) if is_own(name, tree) else patterns.matches


def limits(target: Target, definition: TargetDefinition, tree: Tree) -> Limits:
    """Return the limits of a rollout's target on names and records."""
    return Limits(target.type, definition, target.options, fits(target.type, tree, f"templates/{target.type}"))


def templates(name: str, tree: Tree) -> Mapping[str, str]:
    """Return the texts of a target's templates by file name, from the folder of the target itself."""
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
    """Return the fields that a target needs and that a record does not have."""
    names = _attributes() if definition.needs else {}
    return [field for field in definition.needs if getattr(record, names.get(field, ""), None) is None]


@cache
def _attributes() -> dict[str | None, str]:
    """Return the Python name of each field of a record."""
    from rollout_spec.spec.rollout import VersionRecord

    return {field.alias: name for name, field in VersionRecord.model_fields.items()}


def _read(path: str, content: bytes) -> TargetDefinition:
    document = parse(content)
    if document.problems:
        flaw = document.problems[0]
        raise UserError(f"{path}:{flaw.span.line}:{flaw.span.column}: {flaw.message}", hint=flaw.hint)
    try:
        definition = TargetDefinition.model_validate(document.data)
    except ValidationError as error:
        raise _broken(path, document, next(problems(error, document.data, TargetDefinition, document.bare))) from None
    problem = next(default_problems(definition.options, ("options",), _matches_anything), None)
    if problem is not None:
        raise _broken(path, document, problem)
    return definition


def default_flaw(name: str, tree: Tree, about: str) -> UserError | None:
    """Return the error of a default that does not match the pattern of its option, None if all match.

    Reading a target does not check this: its patterns are matched in a bounded process, for the file ``about``.
    """
    content, definition = _own(name, tree), find(name, tree)
    if content is None or definition is None:  # a test checks the shipped ones
        return None
    problem = next(default_problems(definition.options, ("options",), fits(name, tree, about)), None)
    return _broken(f"templates/{name}/target.yaml", parse(content), problem) if problem is not None else None


def _matches_anything(pattern: str, text: str) -> bool:
    return True


def _broken(path: str, document: Document, problem: Problem) -> UserError:
    span = document.span(problem.path, on_key=problem.on_key)
    return UserError(f"{path}:{span.line}:{span.column}: {problem.message}", hint=problem.hint)
