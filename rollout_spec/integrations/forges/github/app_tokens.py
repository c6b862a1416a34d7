"""Recent tokens of an App's installation. A new one takes two requests."""

from __future__ import annotations

import time

_SECONDS = 300.0
"""How long a token is used again. GitHub's are valid for an hour."""
_issued: dict[tuple[str, ...], tuple[float, str]] = {}

Key = tuple[str, ...]
"""The values that a token depends on: the App, its key, the installation, the address and the repository."""


def recent(key: Key) -> str | None:
    """Return the token that was issued for these values in the last minutes, None if there is none."""
    issued_at, token = _issued.get(key, (0.0, ""))
    return token if token and time.monotonic() - issued_at < _SECONDS else None


def keep(key: Key, token: str) -> None:
    """Keep a token that was issued now."""
    _issued[key] = (time.monotonic(), token)


def forget() -> None:
    """Forget all tokens: GitHub refused one."""
    _issued.clear()
