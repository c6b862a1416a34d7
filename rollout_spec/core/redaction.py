"""The secrets that this process has read, and texts without them."""

from __future__ import annotations

import base64
import json
from threading import Lock
from urllib.parse import quote

MASK = "***"
_SHORTEST = 4
"""Shorter secrets are left out: they would blank out ordinary text."""
_MOST = 1_000

_forms: dict[str, None] = {}
_lock = Lock()


def learn(*secrets: str) -> None:
    """Add secrets, in each form in which a message may repeat them. The oldest of very many are dropped."""
    new = {form: None for secret in secrets for form in _forms_of(secret.strip())}
    if new.keys() <= _forms.keys():
        return
    with _lock:
        _forms.update(new)
        longest_first = sorted(list(_forms)[-_MOST:], key=len, reverse=True)
        _forms.clear()
        _forms.update(dict.fromkeys(longest_first))


def learn_basic(user: str, password: str) -> None:
    """Add a password, alone and as HTTP sends it with its user."""
    learn(password, base64.b64encode(f"{user}:{password}".encode("utf-8", "replace")).decode())


def redact(text: str) -> str:
    """Return a text with each known secret replaced by ``***``."""
    for form in tuple(_forms):
        text = text.replace(form, MASK)
    return text


def _forms_of(secret: str) -> set[str]:
    if len(secret) < _SHORTEST:
        return set()
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST}
    return {secret, *lines, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
