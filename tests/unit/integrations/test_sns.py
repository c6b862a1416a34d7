"""Signed messages of SNS, with a key of our own and a certificate that a local server serves."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication import RefusedError, Request, SnsAuth, authenticate
from rollout_spec.integrations.monitors.authentication.certificates import Certificates
from rollout_spec.integrations.monitors.sns import is_certificate_address, is_confirmation_address

NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:rollouts"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: Any = KEY, start: datetime = NOW - timedelta(days=1), days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=days))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Amazon:
    """A server of certificates by path; ``asked`` are the paths of its requests."""

    address: str
    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    delay: float = 0
    chunk: int = 4096


@pytest.fixture
def amazon() -> Iterator[Amazon]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            content = served.files.get(self.path)
            if self.path == "/moved.pem":
                self.send_response(302)
                self.send_header("Location", f"{served.address}/good.pem")
            else:
                self.send_response(200 if content is not None else 404)
            self.end_headers()
            for start in range(0, len(content or b""), served.chunk):
                time.sleep(served.delay)
                try:
                    self.wfile.write((content or b"")[start : start + served.chunk])
                except OSError:
                    return

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    files = {
        "/good.pem": certificate(),
        "/over.pem": certificate(start=NOW - timedelta(days=2), days=1),
        "/early.pem": certificate(start=NOW + timedelta(days=1)),
        "/curve.pem": certificate(ec.generate_private_key(ec.SECP256R1())),
        "/text.pem": b"hello",
        "/large.pem": certificate() + b"\n" * 65 * 1024,
        "/other.pem": certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    }
    served = Amazon(f"http://127.0.0.1:{server.server_port}", files)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
}
"""The signed fields, in their order, as Amazon's documentation has them."""


def message(amazon: Amazon, version: str = "1", path: str = "/good.pem", **fields: Any) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "Type": "Notification", "MessageId": "22b80b92", "TopicArn": TOPIC, "Subject": "ALARM", "Message": "{}",
        "Timestamp": "2026-11-20T10:15:00.000Z", "SignatureVersion": version, "SigningCertURL": amazon.address + path,
        **fields,
    }  # fmt: skip
    text = "".join(f"{name}\n{sent[name]}\n" for name in SIGNED[sent["Type"]] if sent.get(name) is not None)
    kind: hashes.HashAlgorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    sent["Signature"] = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), kind)).decode()
    return {name: value for name, value in sent.items() if value is not None}


def auth_of(amazon: Amazon, timeout: float = 5) -> SnsAuth:
    return SnsAuth(TOPIC, Certificates(lambda address, topic: address.startswith(amazon.address), timeout))


def verify(sent: dict[str, Any], auth: SnsAuth, now: datetime = NOW) -> None:
    authenticate(Request(json.dumps(sent).encode(), {}), auth, now)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("fields", [{}, {"Subject": None}, {"Message": "é\n☂"}], ids=["all", "no subject", "unicode"])
def test_a_signed_message_is_accepted(amazon: Amazon, version: str, fields: dict[str, Any]) -> None:
    verify(message(amazon, version, **fields), auth_of(amazon))


def test_a_signed_confirmation_is_accepted(amazon: Amazon) -> None:
    more = {"SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription", "Token": "t"}
    verify(message(amazon, Type="SubscriptionConfirmation", **more), auth_of(amazon))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Message": "{ }"}, "not of the certificate"),
        ({"MessageId": "x"}, "not of the certificate"),
        ({"Subject": "OK"}, "not of the certificate"),
        ({"Timestamp": "2026-11-20T10:15:01.000Z"}, "not of the certificate"),
        ({"SignatureVersion": "2"}, "not of the certificate"),
        ({"SignatureVersion": "3"}, "unknown `SignatureVersion`"),
        ({"Signature": "!"}, "not base64"),
        ({"Signature": ""}, "not of the certificate"),
        ({"TopicArn": TOPIC + "2"}, "of the topic"),
        ({"Type": "Other"}, "not a message of SNS"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem"}, "not at an address of SNS"),
        ({"SigningCertURL": 7}, "`SigningCertURL` is missing"),
    ],
)
def test_a_changed_message_is_refused(amazon: Amazon, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        verify({**message(amazon), **change}, auth_of(amazon))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/over.pem", "not valid now"),
        ("/early.pem", "not valid now"),
        ("/curve.pem", "no RSA key"),
        ("/text.pem", "no certificate at"),
        ("/other.pem", "not of the certificate"),
    ],
)
def test_a_certificate_must_be_valid(amazon: Amazon, path: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        verify(message(amazon, path=path), auth_of(amazon))


@pytest.mark.parametrize("path", ["/missing.pem", "/moved.pem", "/large.pem"])
def test_a_certificate_that_cannot_be_fetched_is_an_outage(amazon: Amazon, path: str) -> None:
    with pytest.raises(UserError, match="cannot fetch the certificate") as caught:
        verify(message(amazon, path=path), auth_of(amazon))
    assert caught.value.status == 3
    assert amazon.asked == [path]


def test_a_slow_certificate_is_given_up(amazon: Amazon) -> None:
    amazon.files["/slow.pem"] = certificate()
    amazon.delay, amazon.chunk = 0.05, 10
    start = time.monotonic()
    with pytest.raises(UserError, match="cannot fetch the certificate"):
        verify(message(amazon, path="/slow.pem"), auth_of(amazon, timeout=0.3))
    assert time.monotonic() - start < 1.2


def test_a_certificate_is_fetched_once_until_it_expires(amazon: Amazon) -> None:
    auth = auth_of(amazon)
    for _ in range(3):
        verify(message(amazon), auth)
    assert amazon.asked == ["/good.pem"]
    later = NOW + timedelta(days=40)
    with pytest.raises(RefusedError, match="not valid now"):
        verify(message(amazon, Timestamp="2026-12-30T10:15:00.000Z"), auth, later)
    with pytest.raises(RefusedError, match="not valid now"):
        verify(message(amazon, Timestamp="2026-12-30T10:15:00.000Z"), auth, later)
    assert amazon.asked == ["/good.pem"] * 2


@pytest.mark.parametrize("minutes", [-62, 60])
def test_a_message_is_of_this_hour(amazon: Amazon, minutes: int) -> None:
    verify(message(amazon), auth_of(amazon), NOW + timedelta(minutes=minutes * 0.9))
    with pytest.raises(RefusedError, match="not within an hour"):
        verify(message(amazon), auth_of(amazon), NOW + timedelta(minutes=minutes))
    with pytest.raises(RefusedError, match="the time of the message is unknown"):
        verify(message(amazon, Timestamp="today"), auth_of(amazon))


HOST = "https://sns.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("address", "topic", "allowed"),
    [
        (f"{HOST}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem", TOPIC, True),
        ("https://sns.cn-north-1.amazonaws.com.cn/a.pem", "arn:aws-cn:sns:cn-north-1:123456789012:x", True),
        ("https://sns.us-gov-west-1.amazonaws.com/a.pem", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:x", True),
        ("https://sns.us-east-1.amazonaws.com/a.pem", TOPIC, False),
        (f"{HOST}.cn/a.pem", TOPIC, False),
        ("http://sns.eu-west-1.amazonaws.com/a.pem", TOPIC, False),
        (f"{HOST}:8443/a.pem", TOPIC, False),
        ("https://user@sns.eu-west-1.amazonaws.com/a.pem", TOPIC, False),
        ("https://evil.example/sns.eu-west-1.amazonaws.com/a.pem", TOPIC, False),
        ("https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem", TOPIC, False),
        ("https://sns.eu-west-1.amazonaws.com.evil.example/a.pem", TOPIC, False),
        (f"{HOST}/a.pem?x=1", TOPIC, False),
        (f"{HOST}/a.pem#x", TOPIC, False),
        (f"{HOST}/../a.pem", TOPIC, False),
        (f"{HOST}/a.txt", TOPIC, False),
        (f"{HOST}/a.pem\n", TOPIC, False),
        ("https://[/a.pem", TOPIC, False),
        ("", TOPIC, False),
        (f"{HOST}/a.pem", "arn:aws:sns:eu-west-1.evil.example/:123456789012:x", False),
    ],
)
def test_a_certificate_is_at_the_host_of_the_topics_region(address: str, topic: str, allowed: bool) -> None:
    assert is_certificate_address(address, topic) == allowed


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336", True),
        (f"{HOST}/?Action=DeleteTopic&TopicArn={TOPIC}", False),
        (f"{HOST}/?XAction=ConfirmSubscription", False),
        (f"{HOST}/x?Action=ConfirmSubscription", False),
        ("https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription", False),
        ("http://169.254.169.254/?Action=ConfirmSubscription", False),
    ],
)
def test_a_confirmation_is_at_the_host_of_the_topics_region(address: str, allowed: bool) -> None:
    assert is_confirmation_address(address, TOPIC) == allowed
