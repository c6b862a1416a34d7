"""Problems of fields that are missing, and of keys that name no field."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import excerpt, nearest


def missing_field(path: KeyPath, name: str, value: Any, known: list[str | int]) -> Problem:
    """Return the problem of a missing field, at the key that misspells it if there is one."""
    misspelled = nearest(name, (key for key in value if key not in known)) if isinstance(value, dict) else None
    if misspelled:
        message = f"there is no field `{excerpt(misspelled)}` here"
        return Problem((*path, misspelled), message, f"did you mean `{name}`?", on_key=True)
    return Problem(path, f"`{name}` is missing", on_key=True)


def unknown_field(
    path: KeyPath, loc: tuple[str | int, ...], model: type[BaseModel], missing: set[str], data: Any
) -> tuple[Problem, str]:
    name = str(path[-1])
    known = fields_at(loc[:-1], model)
    value = data
    for step in path[:-1]:
        value = value[step]
    free = missing | {field for field in known if field not in value}
    match = nearest(name, missing) or nearest(name, free) or ""
    names = ", ".join(f"`{field}`" for field in sorted(known))
    hint = f"did you mean `{match}`?" if match else (f"known: {names}" if known else None)
    return Problem(path, f"there is no field `{excerpt(name)}` here", hint, on_key=True), match


@lru_cache
def fields_at(loc: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """Return the field names of the model at a location, from the JSON Schema of the models."""
    schema = _schema(model)
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return node

    node = resolve(schema)
    for step in loc:
        options = [resolve(option) for option in node.get("anyOf", []) if resolve(option).get("type") != "null"]
        node = options[0] if len(options) == 1 else node
        if "discriminator" in node and step in node["discriminator"]["mapping"]:
            node = resolve({"$ref": node["discriminator"]["mapping"][step]})
        elif isinstance(step, int):
            node = resolve(node.get("items", {}))
        elif step in node.get("properties", {}):
            node = resolve(node["properties"][step])
        elif isinstance(node.get("additionalProperties"), dict):
            node = resolve(node["additionalProperties"])
        elif node.get("patternProperties"):  # a mapping whose keys the user chooses
            node = resolve(next(iter(node["patternProperties"].values())))
        else:
            return []
    options = [resolve(option) for option in node.get("anyOf", []) if resolve(option).get("type") != "null"]
    node = options[0] if len(options) == 1 else node
    return list(node.get("properties", {}))


@lru_cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)
