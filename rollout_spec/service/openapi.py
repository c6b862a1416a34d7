"""The parts of the OpenAPI description that no signature tells: bodies and credentials."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

_CREDENTIALS: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]
_BODIES = ("application/json", "application/cloudevents+json", "text/plain")
POST: dict[str, Any] = {
    "security": [*_CREDENTIALS, {}],
    "requestBody": {
        "required": True,
        "description": "The payload of the monitor, in UTF-8, signed in the style of its settings if it has a key.",
        "content": {kind: {} for kind in _BODIES},
    },
}
READ: dict[str, Any] = {"security": _CREDENTIALS}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a monitor."},
    "basic": {"type": "http", "scheme": "basic", "description": "The user and the password of a monitor."},
}


def describe(app: FastAPI) -> None:
    """Add the kinds of credentials to the description of an application, which is built once."""
    description = app.openapi()
    description.setdefault("components", {})["securitySchemes"] = _SCHEMES
