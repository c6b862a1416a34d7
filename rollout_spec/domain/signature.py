"""The signature of a model in MLflow, and the contract that says the same of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.contracts import place_of
from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema
from rollout_spec.workspace.repository import Repository

_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "string": "string",
    "datetime": "string",
}
"""The types of columns, https://mlflow.org/docs/latest/ml/model/signatures, and those of JSON Schema."""
_ANNOTATIONS = {"$schema", "$id", "$comment", "title", "description", "examples", "default", "additionalProperties"}
_ANY_FLAVOR = "python_function"


@dataclass(frozen=True)
class ModelFile:
    """The content of ``MLmodel``.

    ``columns`` are the types of the named inputs, None if the model has no such signature.
    """

    format: str | None = None
    columns: Mapping[str, str] | None = None
    required: frozenset[str] = field(default_factory=frozenset)


def read_model_file(content: bytes) -> ModelFile:
    """Return the signature and the format in a file ``MLmodel``. Empty if it is not readable."""
    document = parse(content)
    data = document.data if document.readable else None
    if not isinstance(data, Mapping):
        return ModelFile()
    flavors = data.get("flavors")
    names = [str(name) for name in flavors if name != _ANY_FLAVOR] if isinstance(flavors, Mapping) else []
    signature = data.get("signature")
    inputs = signature.get("inputs") if isinstance(signature, Mapping) else None
    columns = _columns(inputs) if isinstance(inputs, str) else None
    found = names[0] if len(names) == 1 else None
    if columns is None:
        return ModelFile(found)
    return ModelFile(
        found,
        {name: kind for name, kind, _ in columns},
        frozenset(name for name, _, is_required in columns if is_required),
    )


def _columns(text: str) -> list[tuple[str, str, bool]] | None:
    """Return the name, the JSON type and whether it is required of each column.

    None if an input is no named column.
    """
    with suppress(ValueError, RecursionError):
        inputs = json.loads(text)
        if isinstance(inputs, list) and all(isinstance(each, dict) for each in inputs) and inputs:
            found = [(each.get("name"), _TYPES.get(str(each.get("type"))), each.get("required")) for each in inputs]
            if all(isinstance(name, str) and kind is not None for name, kind, _ in found):
                return [(str(name), str(kind), required is not False) for name, kind, required in found]
    return None


def matching_contracts(model: ModelFile, repository: Repository) -> list[tuple[str, str]]:
    """Return the served versions of schemas whose contract has the demands of a signature."""
    found: list[tuple[str, str]] = []
    for name in repository.names("components"):
        file = repository.component(name)
        component = file.model.spec if file is not None and file.model is not None else None
        if component is None or component.type != "schema" or component.contract is None:
            continue
        for version in component.serving:
            path = place_of(component.contract, version)
            with suppress(UserError, NotASchema):
                content = repository.tree.read(path) if path is not None else None
                if content is not None and _is_same(read_schema(content), model):
                    found.append((name, version))
    return found


def _is_same(schema: Any, model: ModelFile) -> bool:
    """Return whether a contract has the columns of a signature, and no other demand."""
    if not isinstance(schema, dict) or model.columns is None:
        return False
    demands = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    properties, required = demands.get("properties"), demands.get("required", [])
    if demands.keys() - {"type", "properties", "required"} or demands.get("type") != "object":
        return False
    if not isinstance(properties, dict) or not isinstance(required, Sequence):
        return False
    types = {name: _type_of(each) for name, each in properties.items()}
    return types == dict(model.columns) and set(required) == model.required


def _type_of(schema: Any) -> str | None:
    demands = (
        {key: value for key, value in schema.items() if key not in _ANNOTATIONS} if isinstance(schema, dict) else {}
    )
    found = demands.get("type")
    return found if len(demands) == 1 and isinstance(found, str) else None
