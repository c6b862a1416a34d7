"""Messages to people and programs, one module for each kind of recipient.

Imports ``core``. To add a kind: one module here with a recipient that has ``send``. Start with ``message``.
"""

from __future__ import annotations

from typing import Protocol

from rollout_spec.integrations.notifications.email import EmailRecipient
from rollout_spec.integrations.notifications.message import Message
from rollout_spec.integrations.notifications.slack import SlackRecipient
from rollout_spec.integrations.notifications.webhook import WebhookRecipient

__all__ = ["EmailRecipient", "Message", "Recipient", "SlackRecipient", "WebhookRecipient"]


class Recipient(Protocol):
    """A recipient of messages. No error contains its address or password."""

    def send(self, message: Message) -> None:
        """Send one message within ten seconds. UserError if it was not accepted."""
