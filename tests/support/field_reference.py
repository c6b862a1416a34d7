"""All fields of all files, read from the models.

A field's type is read from its annotation as the module spells it, so that ``Duration`` stays the name of a type.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import get_annotations
from typing import Any, get_args

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from rollout_spec.spec import KINDS, fields, model_of, quantities, registry, workspace
from rollout_spec.spec.model import Model
from rollout_spec.spec.pause import PauseFile
from rollout_spec.spec.target import TargetDefinition

_MODULES = (fields, quantities, workspace, registry)
_BLOCKS = {"Secret": "SecretPlace", "Secrets": "SecretPlace"}


@dataclass(frozen=True)
class Section:
    """A block of fields: one model, at its first path in the files."""

    title: str
    model: type[BaseModel]

    @property
    def anchor(self) -> str:
        return "".join(letter for letter in self.title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def value_types() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each named type of a value."""
    types = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            schema = next((each.json_schema for each in get_args(value)[1:] if isinstance(each, WithJsonSchema)), None)
            if schema and "description" in schema:
                types[name] = schema
    return types


def roots() -> dict[str, type[BaseModel]]:
    """Return the models of all files, by the name of the file's kind."""
    return {kind: model_of(kind) for kind in KINDS} | {"Pause": PauseFile, "Target": TargetDefinition}


def sections() -> list[Section]:
    """Return the sections of all kinds, each model once, in the order of the fields."""
    found: dict[type[BaseModel], Section] = {}
    for kind, model in roots().items():
        _collect(kind, "", model, found)
    return list(found.values())


def _collect(kind: str, path: str, model: type[BaseModel], found: dict[type[BaseModel], Section]) -> None:
    if model in found:
        return
    shared = {"metadata": "metadata", "SecretPlace": "Places of secrets"}
    found[model] = Section(shared.get(path) or shared.get(model.__name__) or f"{kind} {path}".strip(), model)
    for field in fields_of(model):
        for block in field.blocks:
            tag = _tag(block) if len(field.blocks) > 1 else ""
            below = f"{path}.{field.key}" if path else field.key
            _collect(kind, f"{below}{_suffix(field.annotation)}{tag}", block, found)


def _tag(model: type[BaseModel]) -> str:
    name = "type" if "type" in model.model_fields else "kind"
    return f" with {name} {get_args(model.model_fields[name].annotation)[0]}"


def _suffix(annotation: ast.expr) -> str:
    text = ast.unparse(annotation)
    return "[]" if text.startswith("list[") else ".*" if text.startswith("dict[") else ""


@dataclass(frozen=True)
class Field:
    """One field of a model: its key in YAML, its annotation as written, and pydantic's facts."""

    key: str
    annotation: ast.expr
    info: FieldInfo
    module: str

    @property
    def blocks(self) -> list[type[BaseModel]]:
        """The models of the values, if they are blocks of fields."""
        return list(dict.fromkeys(self._models(self.annotation)))

    @property
    def description(self) -> str:
        own = self.info.description
        return own or (summary_of(self.blocks[0]) if self.blocks else "")

    @property
    def examples(self) -> list[Any]:
        """The examples of the field, else of its type, else the values of a choice."""
        own = [each for each in self.info.examples or [] if each != "…"]
        return own or self._of_type(self.annotation)

    def _of_type(self, node: ast.expr) -> list[Any]:
        text = ast.unparse(node)
        if isinstance(node, ast.BinOp):
            return self._of_type(node.left)
        if text.startswith("Literal["):
            return [each for each in get_args(_evaluated(node, self.module)) if each != self.info.default] or [
                self.info.default
            ]
        if text.startswith("list["):
            return [[each] for each in self._of_type(ast.parse(text[5:-1], mode="eval").body)]
        if text == "bool":
            return [not self.info.default]
        return [each for each in value_types().get(text, {}).get("examples", []) if each != "…"]

    def _models(self, node: ast.expr) -> Iterator[type[BaseModel]]:
        names = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
        for name in names:
            value = getattr(sys.modules[self.module], _BLOCKS.get(name, name), None)
            if name in _BLOCKS:
                value = getattr(sys.modules["rollout_spec.spec.secret"], _BLOCKS[name])
            for each in (value, *get_args(get_args(value)[0] if get_args(value) else None)):
                if isinstance(each, type) and issubclass(each, Model):
                    yield each


def _evaluated(node: ast.expr, module: str) -> Any:
    return eval(ast.unparse(node), vars(sys.modules[module]))


def fields_of(model: type[BaseModel]) -> Iterator[Field]:
    """Yield the fields of a model in the order of its JSON Schema."""
    for name, info in model.model_fields.items():
        owner = next(each for each in model.__mro__ if name in get_annotations(each))
        annotation = ast.parse(get_annotations(owner)[name], mode="eval").body
        yield Field(info.alias or name, annotation, info, owner.__module__)


def summary_of(model: type[BaseModel]) -> str:
    """Return the docstring of a model as one line of Markdown."""
    return " ".join((model.__doc__ or "").split()).replace("``", "`")
