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
"""The forms of known secrets; those that were learned last are at the end."""
_longest_first: tuple[str, ...] = ()
"""What is replaced. Other threads read it at any time, so it is changed as a whole."""
_lock = Lock()


def learn(*secrets: str) -> None:
    """Add secrets, in each form in which a message may repeat them. The oldest of very many are dropped."""
    global _longest_first
    new = {form: None for secret in secrets for form in _forms_of(secret.strip())}
    with _lock:
        is_known = new.keys() <= _forms.keys()
        for form in new:
            _forms.pop(form, None)
        _forms.update(new)
        if is_known:
            return
        for form in list(_forms)[:-_MOST]:
            del _forms[form]
        _longest_first = tuple(sorted(_forms, key=len, reverse=True))


def learn_basic(user: str, password: str) -> None:
    """Add a password, alone and as HTTP sends it with its user."""
    learn(password, base64.b64encode(f"{user}:{password}".encode("utf-8", "replace")).decode())


def redact(text: str) -> str:
    """Return a text with each known secret replaced by ``***``."""
    for form in _longest_first:
        text = text.replace(form, MASK)
    return text


def _forms_of(secret: str) -> set[str]:
    if len(secret) < _SHORTEST:
        return set()
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST}
    return {secret, *lines, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
