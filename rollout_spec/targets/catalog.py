"""Which targets there are, and what a rollout may say about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError

from rollout_spec import resources
from rollout_spec.document import parse
from rollout_spec.errors import UserError
from rollout_spec.finding import KeyPath, Problem
from rollout_spec.spec.problems import did_you_mean, problems
from rollout_spec.spec.target import Option, TargetDefinition
from rollout_spec.tree import Tree

_SHIPPED: dict[str, TargetDefinition] = {}
_TYPES: Mapping[str, tuple[type, str]] = {
    "text": (str, "text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "`true` or `false`"),
    "mapping": (dict, "a mapping"),
}


def names(tree: Tree) -> list[str]:
    """Return the names of all targets: the shipped ones and the organisation's own."""
    own = [name for name in tree.names("templates") if tree.read(f"templates/{name}/target.yaml") is not None]
    return sorted({*resources.names("templates"), *own})


def find(name: str, tree: Tree) -> TargetDefinition | None:
    """Return a target: the organisation's own before a shipped one. UserError where its ``target.yaml`` is wrong."""
    path = f"templates/{name}/target.yaml"
    own = tree.read(path)
    if own is not None:
        return _read(path, own)
    if name not in _SHIPPED and resources.find(path).is_file():
        _SHIPPED[name] = _read(path, resources.read(path))
    return _SHIPPED.get(name)


def template(name: str, file: str, tree: Tree) -> str | None:
    """Return the text of one template of a target, from the place where the target itself is."""
    path = f"templates/{name}/{file}"
    if tree.read(f"templates/{name}/target.yaml") is not None:
        content = tree.read(path)
    else:
        content = resources.read(path) if resources.find(path).is_file() else None
    return None if content is None else content.decode("utf-8", "replace")


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
    misspelt = {name for name in options if name not in known}
    for name, option in known.items():
        if (
            option.required
            and name not in options
            and not any(did_you_mean(each, [name]) == f"did you mean `{name}`?" for each in misspelt)
        ):
            yield Problem(at, f"the option `{name}` is missing: {option.description}", on_key=True)


def _value_problems(value: Any, option: Option, at: KeyPath) -> Iterator[Problem]:
    python, words = _TYPES[option.type]
    if not isinstance(value, python) or (python is int and isinstance(value, bool)):
        yield Problem(
            at,
            f"this is {words}, not `{str(value)[:60]}`",
            "quote it" if python is str and not isinstance(value, dict | list) else None,
        )
    elif option.minimum is not None and isinstance(value, int) and value < option.minimum:
        yield Problem(at, f"this is at least {option.minimum}, not `{value}`")
    elif option.choices is not None and value not in option.choices:
        yield Problem(
            at,
            f"this is one of {', '.join(f'`{each}`' for each in option.choices)}, not `{str(value)[:60]}`",
            did_you_mean(str(value), option.choices),
        )
    elif option.type == "mapping" and option.fields is not None:
        yield from option_problems(cast("dict[str, Any]", value), option.fields, at)


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
