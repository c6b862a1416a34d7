"""Certificates of SNS, fetched within bounds, and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from rollout_spec.core.text import excerpt
from rollout_spec.integrations.monitors.authentication.bounded_get import TIMEOUT, get
from rollout_spec.integrations.monitors.authentication.refusal import RefusedError
from rollout_spec.integrations.monitors.sns import is_certificate_address

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

_MOST_KEPT = 16


class Certificates:
    """Certificates by address. ``allows`` says whether an address may be one of a topic's certificate."""

    def __init__(self, allows: Callable[[str, str], bool] = is_certificate_address, timeout: float = TIMEOUT) -> None:
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
                certificate = load_pem_x509_certificate(get(address, "the certificate", self._timeout))
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
