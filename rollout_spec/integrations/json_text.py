"""JSON of strangers, in logs and answers of models: read with bounds."""

from __future__ import annotations

import json
from typing import Any

from rollout_spec.core.text import excerpt

_DEEPEST = 64


class JsonError(ValueError):
    """A text that is not JSON, or JSON that is too deep. The text says the reason."""


def read_json(content: bytes | str) -> Any:
    """Return the value of a JSON text in UTF-8. JsonError if it is invalid or too deep.

    Halves of characters, which JSON can escape and UTF-8 cannot hold, become `?`.
    """
    try:
        text = (content if isinstance(content, str) else content.decode("utf-8-sig")).strip()
        value = json.loads(text)
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8: byte {error.start + 1} is invalid") from None
    except RecursionError:
        raise JsonError(f"more than {_DEEPEST} levels of JSON") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg} in column {error.colno}") from None
    except ValueError as error:  # a number with thousands of digits
        raise JsonError(f"not JSON: {excerpt(str(error))}") from None
    if text.count("[") + text.count("{") > _DEEPEST and _depth(value) > _DEEPEST:
        raise JsonError(f"more than {_DEEPEST} levels of JSON")
    if "\\ud" in text or "\\uD" in text:
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(whole)
    return value


def _depth(value: object) -> int:
    """Return the number of levels of a value, and stop above the limit."""
    level = [value]
    for depth in range(_DEEPEST + 1):
        inner = [item for item in level if isinstance(item, dict | list)]
        if not inner:
            return depth
        level = [part for item in inner for part in (item.values() if isinstance(item, dict) else item)]
    return _DEEPEST + 1
