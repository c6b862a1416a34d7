"""The evidence that a request comes from a monitor: a token, a password or a signature.

Start with ``authenticate``. Nothing here reads a place of secrets; ``workflows.monitors`` does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollout_spec.integrations.monitors.authentication.refusal import RefusedError
from rollout_spec.integrations.monitors.authentication.signatures import STYLES, HmacAuth, verify_signature
from rollout_spec.integrations.monitors.authentication.sns_signature import SnsAuth, verify_sns
from rollout_spec.integrations.monitors.json_body import lower_names

__all__ = [
    "STYLES",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "HmacAuth",
    "RefusedError",
    "Request",
    "SnsAuth",
    "authenticate",
]


@dataclass(frozen=True)
class Request:
    """The body and the headers of a request. The names of headers may be in any case."""

    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class BearerAuth:
    """Tokens, of which a request has one."""

    tokens: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class BasicAuth:
    """A user name, and passwords, of which a request has one."""

    user: str
    passwords: tuple[str, ...] = field(repr=False)


Auth = BearerAuth | BasicAuth | HmacAuth | SnsAuth


def authenticate(request: Request, auth: Auth, now: datetime) -> None:
    """Raise RefusedError if a request lacks the evidence that a monitor must give.

    The time that it takes tells nothing about a secret or a user name. ``now`` is compared with the time of a
    signature. UserError if the key of a signature is not one, or a certificate cannot be fetched.
    """
    headers = lower_names(request.headers)
    if isinstance(auth, BearerAuth):
        _verify_bearer(headers, auth)
    elif isinstance(auth, BasicAuth):
        _verify_basic(headers, auth)
    elif isinstance(auth, HmacAuth):
        verify_signature(request.content, headers, auth, now)
    else:
        verify_sns(request.content, auth, now)


def _verify_bearer(headers: Mapping[str, str], auth: BearerAuth) -> None:
    given = _credentials(headers, "bearer")
    if not _is_one_of(given, auth.tokens):
        raise RefusedError("the header `Authorization: Bearer …` has no token of this monitor")


def _verify_basic(headers: Mapping[str, str], auth: BasicAuth) -> None:
    try:
        given = base64.b64decode(_credentials(headers, "basic"), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    user, _, password = given.partition(b":")
    has_user = _is_one_of(user, [auth.user])
    has_password = _is_one_of(password, auth.passwords)
    if not (has_user & has_password):  # `and` would take longer for a known user
        raise RefusedError("the header `Authorization: Basic …` has not the user and password of this monitor")


def _credentials(headers: Mapping[str, str], scheme: str) -> bytes:
    """Return the credentials of the Authorization header, empty if its scheme is another one."""
    name, _, credentials = headers.get("authorization", "").strip().partition(" ")
    return credentials.strip().encode("utf-8", "replace") if name.lower() == scheme else b""


def _is_one_of(given: bytes, secrets: Iterable[str]) -> bool:
    """Return whether a text is one of some secrets. Hashes hide lengths, and every secret is compared."""
    hashed = hashlib.sha256(given).digest()
    matches = [
        hmac.compare_digest(hashed, hashlib.sha256(secret.encode()).digest()) for secret in secrets if secret.strip()
    ]
    return bool(given) and any(matches)
