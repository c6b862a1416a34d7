"""The places of secrets. A secret itself is never written into a file of the workspace."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Text
from rollout_spec.spec.model import Model

_GIVEN = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("env", "file")]
_ONE: list[Any] = [{"type": "null"}, *({"type": "object", **each} for each in _GIVEN)]


class SecretPlace(Model):
    """The place of a secret: an environment variable or a file."""

    env: Text | None = Field(None, description="The environment variable that holds it.", examples=["PROMETHEUS_TOKEN"])
    file: Text | None = Field(None, description="The file that holds it.", examples=["/run/secrets/prometheus"])

    model_config = {"json_schema_extra": {"oneOf": _ONE}}

    @model_validator(mode="after")
    def _one(self) -> SecretPlace:
        if (self.env is None) == (self.file is None):
            raise PydanticCustomError("one_place", "a secret needs exactly one place: `{env: NAME}` or `{file: PATH}`")
        return self


def _no_value(value: Any) -> Any:
    """Refuse a secret that is written down, without repeating it."""
    if isinstance(value, str):
        message = "a secret must not be written in this file"
        hint = "write its place: `{env: NAME}` or `{file: PATH}`; if this is a real secret, replace it"
        raise PydanticCustomError("secret_value", "{message}", {"message": message, "hint": hint})
    return value


Secret = Annotated[SecretPlace, BeforeValidator(_no_value)]


def _one_or_two(value: Any) -> Any:
    """Return one place as a list, so that both spellings have one type."""
    return value if isinstance(value, list) else [value]


_TEXT = {"type": "string", "pattern": r"^[^\n]*\S[^\n]*$", "errorMessage": "expected one line of text"}
_PLACE: dict[str, Any] = {
    "title": "SecretPlace",
    "description": "The place of a secret: an environment variable or a file.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "env": {**_TEXT, "description": "The environment variable that holds it.", "examples": ["TOKEN"]},
        "file": {**_TEXT, "description": "The file that holds it.", "examples": ["/run/secrets/token"]},
    },
    "minProperties": 1,
    "maxProperties": 1,
}

Secrets = Annotated[
    list[Secret],
    BeforeValidator(_one_or_two),
    Field(min_length=1, max_length=2),
    WithJsonSchema(
        {
            **_PLACE,
            "type": ["object", "array"],
            "items": _PLACE,
            "minItems": 1,
            "maxItems": 2,
            "description": "The place of the secret; a list of two while it is rotated.",
            "examples": [{"env": "WEBHOOK_SECRET"}, [{"file": "/run/secrets/new"}, {"file": "/run/secrets/old"}]],
            "errorMessage": "expected the place of a secret, or a list of two: `{env: NAME}` or `{file: PATH}`",
        }
    ),
]
