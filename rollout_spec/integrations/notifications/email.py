"""E-mails through a mail server, encrypted if the server can."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import one_line
from rollout_spec.integrations.notifications.message import Message
from rollout_spec.integrations.notifications.post import SECONDS

_TLS_PORT = 465


@dataclass(frozen=True)
class EmailRecipient:
    """People by e-mail.

    ``server`` is a host with its port. Port 465 begins with TLS; at other ports the server may offer it.
    """

    server: str
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def send(self, message: Message) -> None:
        """Send a message as plain text. A password is sent only over TLS."""
        try:
            with self._connected() as server:
                server.send_message(self._mail(message))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            name = type(error).__name__
            raise UserError(
                f"the mail server {self.server} did not accept a message ({name})", status=OUTSIDE
            ) from None

    def _connected(self) -> smtplib.SMTP:
        host, _, port = self.server.rpartition(":")
        context = ssl.create_default_context()
        if int(port) == _TLS_PORT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, int(port), timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, int(port), timeout=SECONDS)
        try:
            self._log_in(server, context)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server.ehlo()
        is_encrypted = isinstance(server, smtplib.SMTP_SSL)
        if not is_encrypted and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            is_encrypted = True
        if self.user is None or self.password is None:
            return
        if not is_encrypted:
            raise UserError(f"the mail server {self.server} offers no TLS, so no password is sent", status=OUTSIDE)
        server.login(self.user, self.password)

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = one_line(message.title, 200)
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail.set_content("\n\n".join(part for part in (message.text, message.url) if part) + "\n")
        return mail
