"""Webhooks of programs: all fields of a message as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from rollout_spec.integrations.notifications.message import Message
from rollout_spec.integrations.notifications.post import post


@dataclass(frozen=True)
class WebhookRecipient:
    """The webhook of a program. ``url`` and ``token`` are secrets."""

    url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def send(self, message: Message) -> None:
        """Post a message with its fields."""
        content = {"title": message.title, "text": message.text, "url": message.url, **message.fields}
        post("webhook", self.url, content, {"Authorization": f"Bearer {self.token}"} if self.token else {})
