"""CloudEvents 1.0 over HTTP: structured, binary and batched. Their data has the fields of a breach.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.monitors.alert_fields import (
    SkippedError,
    breach_from,
    moment_or_now,
    read_each,
    read_names,
)
from rollout_spec.integrations.monitors.alert_values import digest, read_text, read_url, read_value
from rollout_spec.integrations.monitors.json_body import check_count, media_type, read_json
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload

_STRUCTURED = "application/cloudevents+json"
_BATCHED = "application/cloudevents-batch+json"
_HINT = "send CloudEvents 1.0 with JSON data"
_ATTRIBUTES = ("specversion", "id", "source", "type")


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach for each event whose data names a rollout; skip the others."""
    return read_each(_events(content, headers), lambda event: _breach(event, options.now))


def _events(content: bytes, headers: Mapping[str, str]) -> list[Any]:
    """Return the events of a body, in one of the three modes."""
    kind = media_type(headers)
    if kind not in (_STRUCTURED, _BATCHED) and "ce-specversion" in headers:
        return [_binary(content, headers, kind)]
    if kind not in (_STRUCTURED, _BATCHED, ""):
        raise UserError(
            f"not a CloudEvent: the content type is {excerpt(kind)}, and the header `ce-specversion` is missing",
            hint=f"send the content type `{_STRUCTURED}`, or the headers `ce-…`",
        )
    body = read_json(content, hint=_HINT)
    if isinstance(body, list) and kind != _STRUCTURED:
        check_count(body)
        return body
    if isinstance(body, dict) and kind != _BATCHED and "specversion" in body:
        return [body]
    if not kind:
        raise UserError(
            "not a structured or batched CloudEvent: the key `specversion` is missing",
            hint="a binary CloudEvent has its attributes in headers, so it cannot be read from a file",
        )
    raise UserError(f"not a CloudEvent: the body does not have the form of `{kind}`", hint=_HINT)


def _binary(content: bytes, headers: Mapping[str, str], kind: str) -> dict[str, Any]:
    """Return the event of a request in binary mode: the attributes are in headers, the data is the body."""
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value.strip()) for name, value in headers.items() if name.startswith("ce-")
    }
    if _is_json(kind):
        event["data"] = read_json(content, hint=_HINT)
    return event


def _breach(event: Any, now: datetime | None) -> Breach:
    """Return the breach of an event. SkippedError if it gives none."""
    if not isinstance(event, dict) or any(not isinstance(event.get(name), str) for name in _ATTRIBUTES):
        raise SkippedError(f"it lacks an attribute of CloudEvents ({', '.join(_ATTRIBUTES)}), or has one twice")
    if event["specversion"] != "1.0":
        raise SkippedError(f"its `specversion` is {excerpt(event['specversion'])}, not 1.0")
    data = _data(event)
    names = read_names(data, kind="field", about="rollout")
    return breach_from(
        names,
        source="cloudevents",
        identity=digest([event["source"], event["id"]]),
        observed_at=moment_or_now(event.get("time"), "time", names, now),
        evidence=Evidence(read_text(data.get("summary")), read_value(data.get("value")), read_url(data.get("url"))),
    )


def _data(event: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an event. SkippedError if it is not a JSON object."""
    data = event.get("data")
    encoded = event.get("data_base64")
    if data is None and isinstance(encoded, str) and _is_json(str(event.get("datacontenttype") or "")):
        try:
            data = read_json(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError, UserError):
            data = None
    if not isinstance(data, dict):
        raise SkippedError("its data is not a JSON object with each key once")
    return data


def _is_json(kind: str) -> bool:
    """Return whether a content type is JSON; that is the default."""
    name = kind.partition(";")[0].strip().lower()
    return name in ("", "application/json", "text/json") or name.endswith("+json")
