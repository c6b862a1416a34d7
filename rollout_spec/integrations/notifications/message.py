"""One message: a title, a text, a link, and fields for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """A message. ``title`` is one line, ``text`` a few lines of plain text, ``fields`` are JSON values."""

    title: str
    text: str
    url: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
