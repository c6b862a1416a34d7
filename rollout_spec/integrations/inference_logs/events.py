"""CloudEvents of model servers: with headers and a body, or in structured form."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.json_text import JsonError, read_json

_PREFIX = "ce-"


def event_fields(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the attributes of an event by lower-case name, None if it is no event.

    The body is in ``body``, its type in ``contenttype``. A dump of binary mode has ``headers`` and ``body``; the
    structured mode has the attributes beside ``data`` or ``data_base64``.
    """
    headers = fields.get("headers")
    if isinstance(headers, Mapping):
        names = {str(name).lower(): value for name, value in headers.items()}
        if f"{_PREFIX}type" not in names:
            return None
        event = {name.removeprefix(_PREFIX): value for name, value in names.items() if name.startswith(_PREFIX)}
        return {**event, "contenttype": names.get("content-type"), "body": _body(fields, "body", "body_base64")}
    if "specversion" not in fields or "type" not in fields:
        return None
    event = {name.lower(): value for name, value in fields.items() if not name.startswith("data")}
    return {**event, "contenttype": fields.get("datacontenttype"), "body": _body(fields, "data", "data_base64")}


def event_type(fields: Mapping[str, Any]) -> str:
    """Return the type of an event, empty if it is no event."""
    event = event_fields({**fields, "body": None, "body_base64": None, "data": None, "data_base64": None})
    kind = event.get("type") if event else None
    return kind if isinstance(kind, str) else ""


def decode(text: object, name: str) -> str:
    """Return the text of base64. FieldError if it is not UTF-8 in base64."""
    try:
        return base64.b64decode(text if isinstance(text, str) else "!", validate=True).decode("utf-8")
    except ValueError:  # not base64, or not UTF-8
        raise read.FieldError(f"`{name}` is not UTF-8 text in base64; binary bodies are not read") from None


def string_map(value: object) -> dict[str, str]:
    """Return texts by lower-case name from an object or its JSON. The first value of a list counts."""
    if isinstance(value, str):
        try:
            value = read_json(value) if value else {}
        except JsonError:
            return {}
    items = value.items() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    texts: dict[str, str] = {}
    for item in items:
        if isinstance(item, tuple) and len(item) == 2:  # pairs are a map of Parquet
            name, inner = item
            inner = inner[0] if isinstance(inner, list) and inner else inner
            if isinstance(inner, str) and inner:
                texts[str(name).lower()] = inner
    return texts


def first_text(values: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """Return the value of the first name that a mapping has, within the bound of a text."""
    for name in names:
        if name.lower() in values:
            return read.text(values, name.lower())
    return None


def version_of(
    event: Mapping[str, Any],
    answered: str | None,
    options: LogOptions,
) -> str | None:
    """Return the version that answered, from the most reliable source.

    An operator writes annotations and the versions of endpoints. Metadata comes last: callers send it as headers.
    """
    places = (read.text(event, "inferenceservicename"), read.text(event, "endpoint"))
    named = (options.endpoints.get(place) for place in places if place)
    return (
        first_text(string_map(event.get("annotations")), options.version_keys)
        or next((version for version in named if version), None)
        or answered
        or first_text(string_map(event.get("metadata")), options.version_keys)
    )


def segment_of(annotations: Mapping[str, str], metadata: Mapping[str, str], options: LogOptions) -> str | None:
    """Return the segment, None if no key is named for it."""
    if options.segment_key is None:
        return None
    names = (options.segment_key,)
    return first_text(metadata, names) or first_text(annotations, names)


def _body(fields: Mapping[str, Any], name: str, base64_name: str) -> Any:
    encoded = fields.get(base64_name)
    return fields.get(name) if encoded is None else decode(encoded, base64_name)
