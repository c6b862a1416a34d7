"""The recipients that a workspace names, with their secrets."""

from __future__ import annotations

from rollout_spec.integrations.notifications import EmailRecipient, Recipient, SlackRecipient, WebhookRecipient
from rollout_spec.spec.service import EmailNotification, ServiceSettings, SlackNotification
from rollout_spec.workflows.secrets import read_secret


def recipients(settings: ServiceSettings | None) -> list[str]:
    """Return a name for each recipient: its place in the list, and its type."""
    return [f"{number}-{each.type}" for number, each in enumerate(settings.notify)] if settings else []


def recipient(settings: ServiceSettings, name: str) -> Recipient:
    """Return a recipient by its name. UserError if a secret cannot be read."""
    target = settings.notify[int(name.partition("-")[0])]
    if isinstance(target, SlackNotification):
        return SlackRecipient(read_secret(target.url))
    if isinstance(target, EmailNotification):
        password = read_secret(target.password) if target.password else None
        return EmailRecipient(target.server, target.sender, tuple(target.to), target.user, password)
    return WebhookRecipient(read_secret(target.url), read_secret(target.bearer) if target.bearer else None)
