"""Certificates of SNS, fetched within bounds, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.monitors.authentication.refusal import RefusedError
from rollout_spec.integrations.monitors.sns import is_certificate_address

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

_MOST_BYTES = 64 * 1024
_TIMEOUT = 5.0
_MOST_KEPT = 16


class _NoRedirect(HTTPRedirectHandler):
    """A handler that follows no redirect: it may lead to another host."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class Certificates:
    """Certificates by address. ``allows`` says whether an address may be one of a topic's certificate."""

    def __init__(self, allows: Callable[[str, str], bool] = is_certificate_address, timeout: float = _TIMEOUT) -> None:
        self.allows = allows
        self._timeout = timeout
        self._kept: dict[str, Certificate] = {}

    def key(self, address: str, now: datetime) -> RSAPublicKey:
        """Return the public key of a certificate. RefusedError if it is invalid or has expired.

        UserError with status 3 if it cannot be fetched.
        """
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.x509 import load_pem_x509_certificate

        certificate = self._kept.get(address)
        if certificate is None:
            try:
                certificate = load_pem_x509_certificate(self._fetch(address))
            except ValueError:
                raise RefusedError(f"no certificate at {excerpt(address)}") from None
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            self._kept.pop(address, None)
            raise RefusedError(f"the certificate at {excerpt(address)} is not valid now")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise RefusedError(f"the certificate at {excerpt(address)} has no RSA key")
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[address] = certificate
        return key

    def _fetch(self, address: str) -> bytes:
        request = Request(address)  # noqa: S310 - the caller checked the address
        deadline = time.monotonic() + self._timeout
        try:
            with build_opener(_NoRedirect).open(request, timeout=self._timeout) as response:
                return _read_until(response, deadline)
        except (URLError, HTTPException, OSError, ValueError) as error:
            if isinstance(error, HTTPError):
                error.close()
            reason = getattr(error, "reason", None) or error
            raise UserError(f"cannot fetch the certificate {address}: {excerpt(str(reason))}", status=OUTSIDE) from None


def _read_until(response: HTTPResponse, deadline: float) -> bytes:
    """Return a body. OSError if it is too large, or slower than the deadline."""
    content = b""
    while chunk := response.read1(4096):
        content += chunk
        if len(content) > _MOST_BYTES:
            raise OSError(f"more than {_MOST_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise OSError("it took too long")
    return content
