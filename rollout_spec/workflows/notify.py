"""The recipients that a workspace names, with their secrets."""

from __future__ import annotations

from collections.abc import Collection

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.notifications import EmailRecipient, Recipient, SlackRecipient, WebhookRecipient
from rollout_spec.spec.secret import SecretPlace
from rollout_spec.spec.service import EmailNotification, ServiceSettings, SlackNotification
from rollout_spec.workflows.secrets import read_secret


def recipients(settings: ServiceSettings | None) -> list[str]:
    """Return a name for each recipient: its place in the list, and its type."""
    return [f"{number}-{each.type}" for number, each in enumerate(settings.notify)] if settings else []


def recipient(settings: ServiceSettings, name: str, reserved: Collection[str] = ()) -> Recipient:
    """Return a recipient by its name. UserError if a secret cannot be read, or is a reserved one.

    ``reserved`` are the secrets of all monitors. A workspace chooses the hosts that its messages go to, so that one
    merged line would give the token of another workspace's monitor away.
    """

    def secret(place: SecretPlace) -> str:
        value = read_secret(place)
        if value.strip() in reserved:
            raise UserError(
                f"{excerpt(place.env or place.file or '')} is the secret of a monitor, and is not sent to a recipient",
                hint="use another secret: who has this one can report breaches",
            )
        return value

    target = settings.notify[int(name.partition("-")[0])]
    if isinstance(target, SlackNotification):
        return SlackRecipient(secret(target.url))
    if isinstance(target, EmailNotification):
        password = secret(target.password) if target.password else None
        return EmailRecipient(target.server, target.sender, tuple(target.to), target.user, password)
    return WebhookRecipient(secret(target.url), secret(target.bearer) if target.bearer else None)
