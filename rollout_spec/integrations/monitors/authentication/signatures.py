"""Signatures of requests with a shared key, HMAC-SHA256, in the styles of several senders."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.integrations.monitors.authentication.refusal import RefusedError

TOLERANCE = timedelta(minutes=5)
"""The most that the time of a signature may differ from now."""
_MOST_SIGNATURES = 20
_GRAFANA_TIMES = ("x-grafana-alerting-signature-timestamp", "x-grafana-alerting-timestamp")
"""The names of the header in Grafana's documentation; a contact point has no time without one."""


@dataclass(frozen=True)
class HmacAuth:
    """Keys, of which one signed a request, and the style of the signature."""

    keys: tuple[str, ...] = field(repr=False)
    style: str = "github"


class _Signed(NamedTuple):
    """A signed text, the signatures that a request has for it, and its time if it has one."""

    text: bytes
    signatures: Sequence[bytes]
    moment: str | None = None


def verify_signature(content: bytes, headers: Mapping[str, str], auth: HmacAuth, now: datetime) -> None:
    """Raise RefusedError unless a key signed the request lately. The names of headers are in lower case."""
    if auth.style not in STYLES:
        raise UserError(f"unknown style of signatures: {excerpt(auth.style)}", hint=did_you_mean(auth.style, STYLES))
    read, key_of = STYLES[auth.style]
    keys = [key_of(key) for key in auth.keys if key.strip()]
    signed = read(content, headers)
    expected = [hmac.new(key, signed.text, hashlib.sha256).digest() for key in keys if key]
    given = signed.signatures[:_MOST_SIGNATURES]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not any(matches):
        raise RefusedError(f"no signature in the style `{auth.style}` is of a key of this monitor")
    if signed.moment is not None:
        _check_moment(signed.moment, now)


def _check_moment(text: str, now: datetime) -> None:
    """Raise RefusedError if a request was signed too long ago: somebody may send it a second time."""
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise RefusedError("the time of the signature is not in seconds since 1970")
    difference = now - datetime.fromtimestamp(int(text), UTC)
    if abs(difference) > TOLERANCE:
        raise RefusedError(f"the request was signed at {excerpt(text)}, not within 5 minutes of now")


def _github(content: bytes, headers: Mapping[str, str]) -> _Signed:
    return _Signed(content, _hex([headers.get("x-hub-signature-256", "")], "sha256="))


def _pagerduty(content: bytes, headers: Mapping[str, str]) -> _Signed:
    return _Signed(content, _hex(headers.get("x-pagerduty-signature", "").split(","), "v1="))


def _grafana(content: bytes, headers: Mapping[str, str]) -> _Signed:
    """Return the signature of Grafana. If the contact point adds a time, that is signed too."""
    signatures = _hex([headers.get("x-grafana-alerting-signature", "")], "")
    moment = next((headers[name].strip() for name in _GRAFANA_TIMES if name in headers), "")
    if not moment:
        return _Signed(content, signatures)
    return _Signed(moment.encode("utf-8", "replace") + b":" + content, signatures, moment)


def _standard_webhooks(content: bytes, headers: Mapping[str, str]) -> _Signed:
    name, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = list[bytes]()
    for each in headers.get("webhook-signature", "").split():
        version, _, text = each.partition(",")
        signatures += [_base64(text)] if version == "v1" else []
    return _Signed(f"{name}.{moment}.".encode("utf-8", "replace") + content, signatures, moment)


def _hex(texts: Sequence[str], start: str) -> list[bytes]:
    """Return the signatures in hex digits behind a prefix."""
    stripped = [text.strip() for text in texts]
    digits = [text.removeprefix(start).lower() for text in stripped if text.startswith(start)]
    return [bytes.fromhex(text) for text in digits if re.fullmatch(r"[0-9a-f]{64}", text)]


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _plain_key(key: str) -> bytes:
    return key.encode()


def _standard_key(key: str) -> bytes:
    """Return the bytes of a key of Standard Webhooks. UserError, without the key, if it is not base64."""
    decoded = _base64(key.removeprefix("whsec_"))
    if not decoded:
        raise UserError("a key of the style `standard-webhooks` is not base64", hint="write it as `whsec_` and base64")
    return decoded


STYLES: dict[str, tuple[Callable[[bytes, Mapping[str, str]], _Signed], Callable[[str], bytes]]] = {
    "github": (_github, _plain_key),
    "grafana": (_grafana, _plain_key),
    "standard-webhooks": (_standard_webhooks, _standard_key),
    "pagerduty": (_pagerduty, _plain_key),
}
"""The styles of signatures: a reader of the signed text and the signatures, and a reader of a key."""
