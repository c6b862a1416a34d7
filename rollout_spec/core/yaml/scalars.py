"""Plain scalars of YAML: their values, and quotes for ambiguous ones.

YAML readers interpret an ambiguous one in different ways.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache

Scalar = str | int | bool | Decimal | None

_CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_SPECIAL_BEGIN = "-+.0123456789=<yYnNtTfFoO~"  # every text that begins otherwise, and is not empty, is only text
_AMBIGUOUS = re.compile(
    r"""(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|True|TRUE|False|FALSE|y|Y|n|N|Null|NULL|=|<<)
    | [-+]?0[xX][0-9a-fA-F_]+ | [-+]?0[oO][0-7_]+ | [-+]?0[bB][01_]+       # other bases
    | [-+]?0[0-9_]+                                                         # octal, or not
    | [-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?                   # 1_000, 1., 1e3: numbers to somebody
    | [-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                      # base 60
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*")
_SINGLE_QUOTED = re.compile(r"[ -&(-~]*")
_UNPRINTABLE = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)

LONGEST_NUMBER = 40
"""The most digits of a number. A longer one is surely meant as text."""
_LONGEST_WORD = 64


def resolve(text: str) -> Scalar:
    """Return the value of a bare scalar.

    ValueError if it has none, such as ``.nan``, ``.inf`` or 5,000 digits.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[:1] not in _SPECIAL_BEGIN:
        return text
    number = _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text)
    if number:
        if len(text) > LONGEST_NUMBER:
            raise ValueError(f"a number of {len(text)} characters is too long; quote it if it is text")
        return Decimal(text) if "." in text else int(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"`{text}` is not a number that a rollout can use; write a finite number, or quote it as text")
    return text


def is_text(text: str) -> bool:
    """Return whether a bare scalar is text to all readers. False may also mean that this is not known."""
    return text[:1] not in _SPECIAL_BEGIN or (len(text) <= _LONGEST_WORD and _is_text(text))


@lru_cache(maxsize=4096)
def _is_text(word: str) -> bool:
    try:
        return isinstance(resolve(word), str) and not is_ambiguous(word)
    except ValueError:
        return False


def is_ambiguous(text: str) -> bool:
    """Return whether a bare scalar, which is text here, is another value to other YAML readers."""
    return text[:1] in _SPECIAL_BEGIN and _AMBIGUOUS.fullmatch(text) is not None


def quote(value: object) -> str:
    """Return a value as YAML that every reader reads back unchanged. Mappings and lists are in flow style."""
    if isinstance(value, str):
        return _quoted(value) if len(value) <= _LONGEST_WORD else _quoted.__wrapped__(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(str(key))}: {quote(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(quote, value)) + "]"
    raise TypeError(f"a {type(value).__name__} cannot be written as YAML")


@lru_cache(maxsize=4096)  # the manifests of one rollout say the same again and again
def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _CONSTANTS and not _AMBIGUOUS.fullmatch(text):
        return str(text)
    if '"' in text and _SINGLE_QUOTED.fullmatch(text):
        return f"'{text}'"
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
