"""Messages arrive in the form of their recipient, and no error tells a secret."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import own_certificates
import pytest
from hook import Hook
from hook import hook as run_hook
from mail_server import MailServer

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.notifications import (
    EmailRecipient,
    Message,
    Recipient,
    SlackRecipient,
    WebhookRecipient,
)

MESSAGE = Message(
    "fraud 42: rolled back", "error_rate <!channel> & more", "https://forge.example.com/1", {"state": "done"}
)
SECRET = "T0K3N-of-the-channel"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with run_hook(SECRET) as running:
        yield running


def test_slack_gets_text_that_notifies_nobody(hook: Hook) -> None:
    SlackRecipient(hook.address).send(MESSAGE)
    ((_, content),) = hook.posts
    assert json.loads(content) == {
        "text": "*fraud 42: rolled back*\nerror_rate &lt;!channel&gt; &amp; more\n<https://forge.example.com/1>"
    }


def test_a_webhook_gets_all_fields_and_its_token(hook: Hook) -> None:
    WebhookRecipient(hook.address, "of-the-hook").send(MESSAGE)
    ((headers, content),) = hook.posts
    assert headers["Authorization"] == "Bearer of-the-hook"
    assert json.loads(content) == {
        "title": MESSAGE.title, "text": MESSAGE.text, "url": MESSAGE.url, "state": "done"
    }  # fmt: skip


@pytest.mark.parametrize("status", [301, 307, 400, 403, 500])
def test_a_refusal_is_an_error_without_the_address(hook: Hook, status: int) -> None:
    hook.status, hook.headers = status, {"Location": hook.address, "Content-Length": "0"}
    with pytest.raises(UserError, match=f"answered {status}") as caught:
        SlackRecipient(hook.address).send(MESSAGE)
    assert caught.value.status == OUTSIDE and SECRET not in str(caught.value)
    assert len(hook.posts) == 1  # a redirect is not followed


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:1/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"http://[/{SECRET}",
        f"{SECRET}",
        f"http://a b/{SECRET}",
    ],
)
def test_an_address_that_does_not_answer_is_not_shown(address: str) -> None:
    with pytest.raises(UserError) as caught:
        WebhookRecipient(address, SECRET).send(MESSAGE)
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {WebhookRecipient(address, SECRET)!r}"


def test_a_mail_is_plain_text() -> None:
    with MailServer() as server:
        mail(server).send(Message("one\nBcc: all@example.com", "The text.", None))
    (content,) = server.mails
    assert "To: oncall@example.com, second@example.com" in content and "The text." in content
    assert "\nBcc:" not in content


def test_a_password_goes_over_tls_only(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as open_server, pytest.raises(UserError, match="offers no TLS"):
        mail(open_server, "rollouts", SECRET).send(MESSAGE)
    assert open_server.logins == [] and open_server.mails == []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with MailServer(context) as server:
        with pytest.raises(UserError, match="SSLCertVerificationError"):
            mail(server, "rollouts", SECRET).send(MESSAGE)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        mail(server, "rollouts", SECRET).send(MESSAGE)
    assert server.logins == [("rollouts", SECRET)] and len(server.mails) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "example.com", "localhost:x", ":25"])
def test_a_mail_server_that_does_not_answer_is_an_error(address: str) -> None:
    with pytest.raises(UserError) as caught:
        EmailRecipient(address, "a@example.com", ("b@example.com",), "me", SECRET).send(MESSAGE)
    assert SECRET not in str(caught.value)


def test_a_refused_mail_is_an_error() -> None:
    with MailServer(refuses=True) as server, pytest.raises(UserError, match="did not accept"):
        mail(server).send(MESSAGE)
    assert server.mails == []


def mail(server: MailServer, user: str | None = None, password: str | None = None) -> Recipient:
    return EmailRecipient(
        server.address, "rollouts@example.com", ("oncall@example.com", "second@example.com"), user, password
    )


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return own_certificates.write(tmp_path)
