"""Signatures of messages of Amazon SNS, verified against the certificate that the message names.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.monitors.alert_values import read_time
from rollout_spec.integrations.monitors.authentication.certificates import Certificates
from rollout_spec.integrations.monitors.authentication.refusal import RefusedError
from rollout_spec.integrations.monitors.sns import SnsMessage, read_message

TOLERANCE = timedelta(hours=1)
"""The most that the time of a message may differ from now. SNS repeats a delivery for almost an hour."""
_SHARED = Certificates()


@dataclass(frozen=True)
class SnsAuth:
    """The topic whose signed messages are accepted, and the certificates that were fetched."""

    topic: str
    certificates: Certificates = field(default=_SHARED, repr=False)


def verify_sns(content: bytes, auth: SnsAuth, now: datetime) -> None:
    """Raise RefusedError unless a body is a message of the topic, signed by SNS, and recent."""
    try:
        message = read_message(content)
    except UserError as error:
        raise RefusedError(error.message) from None
    if message.topic != auth.topic:
        raise RefusedError(f"the message is of the topic {excerpt(message.topic)}, not of {auth.topic}")
    if not auth.certificates.allows(message.certificate_url, auth.topic):
        raise RefusedError(f"the certificate is not at an address of SNS: {excerpt(message.certificate_url)}")
    _check_signature(message, auth.certificates, now)
    try:
        moment = read_time(message.timestamp, "Timestamp")
    except ValueError as error:
        raise RefusedError(f"the time of the message is unknown: {error}") from None
    if abs(now - moment) > TOLERANCE:
        raise RefusedError(f"the message is of {excerpt(message.timestamp)}, not within an hour of now")


def _check_signature(message: SnsMessage, certificates: Certificates, now: datetime) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    sha1 = hashes.SHA1()  # noqa: S303 - SNS signs so by default, and a collision needs its key
    algorithms: dict[str, hashes.HashAlgorithm] = {"1": sha1, "2": hashes.SHA256()}
    algorithm = algorithms.get(message.signature_version)
    if algorithm is None:
        raise RefusedError(f"unknown `SignatureVersion`: {excerpt(message.signature_version)}")
    try:
        signature = base64.b64decode(message.signature, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("the signature of the message is not base64") from None
    key = certificates.key(message.certificate_url, now)
    try:
        key.verify(signature, message.signed_text, PKCS1v15(), algorithm)
    except InvalidSignature:
        raise RefusedError("the signature of the message is not of the certificate that it names") from None
