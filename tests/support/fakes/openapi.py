"""GitHub publishes what it takes and answers: each request and answer is held against that."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from fakes.host import Answer, Request

_SCHEMA = "https://api.github.com/openapi"


class Contract:
    """The published OpenAPI of an API, by the file of its JSON."""

    def __init__(self, file: Path) -> None:
        self._document = _as_json_schema(json.loads(file.read_bytes()))
        self._registry = Registry().with_resource(_SCHEMA, DRAFT202012.create_resource(self._document))
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))), path) for path in self._document["paths"]
        ]
        # The most literal path comes first: /repos/{owner}/{repo}/pulls before /{a}/{b}/{c}/{d}.
        self._paths.sort(key=lambda each: each[1].count("{"))

    def violations(self, root: str, request: Request, answer: Answer) -> list[str]:
        """Say how a request or its answer differ from what is published; ``root`` is where the API begins."""
        path = request.path.removeprefix(root)
        known = next((name for pattern, name in self._paths if pattern.fullmatch(path)), None)
        operation = self._document["paths"].get(known, {}).get(request.verb.lower())
        if operation is None:
            return [f"{request.verb} {path} is not published"]
        where = f"{request.verb} {known}"
        return [*self._in_query(where, operation, request), *self._in_bodies(where, operation, request, answer)]

    def _in_query(self, where: str, operation: dict[str, Any], request: Request) -> list[str]:
        parameters = [self._resolved(each) for each in operation.get("parameters", ())]
        known = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        found = [f"{where}: no parameter `{name}`" for name in request.query.keys() - known.keys()]
        for name in request.query.keys() & known.keys():
            value: Any = request.query[name]
            if known[name].get("type") == "integer":
                value = int(value)
            found += self._against(f"{where}?{name}", known[name], value)
        return found

    def _in_bodies(self, where: str, operation: dict[str, Any], request: Request, answer: Answer) -> list[str]:
        wanted = self._resolved(operation.get("requestBody", {})).get("content", {}).get("application/json")
        found = []
        if wanted is not None and request.body is not None:
            found += self._against(f"{where}, request", wanted["schema"], request.body)
        response = operation["responses"].get(str(answer.status))
        if response is None:
            # Whoever may not ask is told so everywhere, and published here and there.
            return found if answer.status in (401, 403) else [*found, f"{where}: no answer {answer.status}"]
        shape = self._resolved(response).get("content", {}).get("application/json")
        if shape is not None:
            found += self._against(f"{where}, answer {answer.status}", shape["schema"], answer.body)
        return found

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = self._registry.resolver(_SCHEMA).lookup(node["$ref"]).contents
        return node

    def _against(self, where: str, schema: dict[str, Any], value: object) -> list[str]:
        validator = Draft202012Validator(schema, registry=self._registry)
        return [f"{where} at {error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@cache
def contract(file: Path) -> Contract:
    """Read a published OpenAPI, once."""
    return Contract(file)


def _as_json_schema(node: Any) -> Any:
    """Return OpenAPI 3.0 as JSON Schema says it: references in full, and what may be null with its type."""
    if isinstance(node, list):
        return [_as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _as_json_schema(value) for name, value in node.items() if name not in ("example", "examples")}
    if isinstance(node.get("$ref"), str):
        made["$ref"] = _SCHEMA + node["$ref"] if node["$ref"].startswith("#") else node["$ref"]
    if node.get("nullable") is True:
        made.pop("nullable")
        return {"anyOf": [made, {"type": "null"}]}
    return made
