"""Messages of Amazon SNS: their fields, signed text, and addresses.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.json_body import read_object

_HINT = "subscribe the address to an SNS topic, without raw message delivery"
_REGION = r"[a-z]{2,4}(?:-[a-z]{2,10}){1,3}-[0-9]{1,2}"
_ARN = re.compile(rf"arn:aws(-cn|-us-gov)?:sns:({_REGION}):[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}")
_CERTIFICATE = re.compile(r"/[A-Za-z0-9_-]{1,200}\.pem")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


@dataclass(frozen=True)
class SnsMessage:
    """A message. ``signed_text`` is built from its fields, in the order that SNS defines."""

    kind: str
    topic: str
    message: str
    timestamp: str
    signature: str
    signature_version: str
    certificate_url: str
    subscribe_url: str
    signed_text: bytes


def read_message(content: bytes) -> SnsMessage:
    """Return a message of SNS. UserError if a body is none."""
    fields = read_object(content, hint=_HINT)
    kind = fields.get("Type")
    if not isinstance(kind, str) or kind not in _SIGNED:
        raise UserError(f"not a message of SNS: `Type` is none of {', '.join(_SIGNED)}", hint=_HINT)
    for name in (*_SIGNED[kind], "Signature", "SignatureVersion", "SigningCertURL"):
        value = fields.get(name)
        if not isinstance(value, str) and not (name == "Subject" and value is None):
            raise UserError(f"not a message of SNS: `{name}` is missing", hint=_HINT)
    return SnsMessage(
        kind=kind,
        topic=fields["TopicArn"],
        message=fields["Message"],
        timestamp=fields["Timestamp"],
        signature=fields["Signature"],
        signature_version=fields["SignatureVersion"],
        certificate_url=fields["SigningCertURL"],
        subscribe_url=fields.get("SubscribeURL") or "",
        signed_text=_signed_text(kind, fields),
    )


def is_certificate_address(address: str, topic: str) -> bool:
    """Return whether an address may be one of the certificate of a topic."""
    parts = _parts(address, topic)
    return parts is not None and bool(_CERTIFICATE.fullmatch(parts.path)) and not parts.query


def is_confirmation_address(address: str, topic: str) -> bool:
    """Return whether an address may confirm a subscription to a topic."""
    parts = _parts(address, topic)
    return parts is not None and parts.path in ("", "/") and "Action=ConfirmSubscription" in parts.query.split("&")


def _parts(address: str, topic: str) -> Any:
    """Return the parts of an address on the host of SNS in a topic's region, None if it is another."""
    arn = _ARN.fullmatch(topic)
    if arn is None or not re.fullmatch(r"[!-~]{1,2000}", address) or "\\" in address:
        return None
    host = f"sns.{arn[2]}.amazonaws.com{'.cn' if arn[1] == '-cn' else ''}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts if (parts.scheme, parts.netloc, parts.fragment) == ("https", host, "") else None


def _signed_text(kind: str, fields: dict[str, Any]) -> bytes:
    lines = (f"{name}\n{fields[name]}\n" for name in _SIGNED[kind] if fields.get(name) is not None)
    return "".join(lines).encode("utf-8", "surrogatepass")
