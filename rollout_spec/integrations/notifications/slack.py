"""Webhooks that accept Slack's format: Slack, Mattermost, Rocket.Chat and others.

Source: https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rollout_spec.core.text import one_line
from rollout_spec.integrations.notifications.message import Message
from rollout_spec.integrations.notifications.post import post

_LONGEST = 3000


@dataclass(frozen=True)
class SlackRecipient:
    """A channel's webhook. ``url`` is a secret."""

    url: str = field(repr=False)

    def send(self, message: Message) -> None:
        """Post a message as Slack's markup."""
        lines = [f"*{_escaped(one_line(message.title, 300))}*", _escaped(message.text)[:_LONGEST]]
        lines += (
            [f"<{_escaped(one_line(message.url, 2000))}>"] if message.url and message.url.startswith("http") else []
        )
        post("slack", self.url, {"text": "\n".join(line for line in lines if line)}, {})


def _escaped(text: str) -> str:
    """Escape the characters of links and mentions: ``<!channel>`` must notify nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
