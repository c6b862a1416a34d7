"""The JSON object in an answer of a server, read with a bound on its values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class UselessError(Exception):
    """An answer that is not in the format of the API, with the reason."""


def read_object(body: bytes, most_values: int, parse_constant: Callable[[str], Any] | None = None) -> dict[str, Any]:
    """Return the object of an answer. UselessError if it is none, or may have more values than allowed.

    A small text with many values would fill the memory. ``parse_constant`` gets NaN and the infinities.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > most_values:
        raise UselessError("it has too many values")
    try:
        answer = json.loads(body.decode(), parse_constant=parse_constant)
    except (ValueError, RecursionError) as error:
        raise UselessError(f"it is not JSON ({type(error).__name__})") from None
    if not isinstance(answer, dict):
        raise UselessError("it is not a JSON object")
    return answer
