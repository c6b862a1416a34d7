"""A lifecycle step edits ``live``, an exclusive component's ``serving``, or writes a new document, and nothing else.

Whatever was spliced is read back: the data must be what was asked for, and nothing else may have changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rollout_spec.document import parse
from rollout_spec.errors import UserError
from rollout_spec.finding import KeyPath
from rollout_spec.scalars import quote
from rollout_spec.spec.rollout import Live
from rollout_spec.splice import CannotEdit, cut, insert, remove, set_list, set_value

_LIVE: KeyPath = ("spec", "live")
_ORDER = ("stable", "candidate", "stage", "fixes", "knownGood")


def with_live(content: bytes, live: Live) -> bytes:
    """Return the bytes of a rollout's file with another ``live``; the other lines are as they were."""
    data = _data(content)
    before: dict[str, Any] = data["spec"]["live"]
    after = _written(live, before)
    parts = cut(content, _LIVE)
    if parts and parse(parts[1]).data == before:
        edited = parts[0] + _relived(parts[1], (), before, after) + parts[2]
    else:
        edited = _relived(content, _LIVE, before, after)
    return _verified(edited, _replaced(data, _LIVE, after))


def _relived(content: bytes, at: KeyPath, before: Mapping[str, Any], after: Mapping[str, Any]) -> bytes:
    """Change the ``live`` that stands at a path of a text, key by key."""
    for key in _ORDER:
        if key in before and key not in after:
            content = remove(content, (*at, key))
        elif key in after and key not in before:
            there = [each for each in _ORDER[: _ORDER.index(key)] if each in after]
            content = insert(content, at, f"{key}: {_spelled(key, after[key])}", behind=there[-1])
        elif key in after and after[key] != before[key]:
            content = _changed(content, (*at, key), before[key], after[key])
    return content


def with_serving(content: bytes, serving: Sequence[str]) -> bytes:
    """Return the bytes of a component's file that serves other versions."""
    data, at = _data(content), ("spec", "serving")
    edited = _changed(content, at, data["spec"]["serving"], list(serving))
    return _verified(edited, _replaced(data, at, list(serving)))


def document_text(fields: Mapping[str, Any], schema: str) -> str:
    """Write a new document: ``spec`` as a block, the rest as one line each, with the line that editors look for."""
    lines = [f"# yaml-language-server: $schema=../schemas/{schema}.schema.json"]

    def write(data: Mapping[str, Any], indent: str) -> None:
        for key, value in data.items():
            if isinstance(value, Mapping) and value and key != "metadata":
                lines.append(f"{indent}{quote(key)}:")
                write(value, indent + "  ")
            else:
                lines.append(f"{indent}{quote(key)}: {quote(value)}")

    write(fields, "")
    return "\n".join(lines) + "\n"


def _data(content: bytes) -> Any:
    data = parse(content).data
    if not isinstance(data, dict):
        raise UserError("this file does not load, so that nothing can be written into it")
    return data


def _written(live: Live, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``live`` as it is written: what is absent is not there, but an empty ``knownGood`` stays where one was."""
    data = {
        "stable": live.stable,
        "candidate": live.candidate,
        "stage": live.stage,
        "fixes": live.fixes,
        "knownGood": list(live.known_good),
    }
    return {key: value for key, value in data.items() if value or (key == "knownGood" and before.get(key) is not None)}


def _changed(content: bytes, path: KeyPath, before: Any, after: Any) -> bytes:
    if isinstance(after, list) and isinstance(before, list):
        return set_list(content, path, before, after, lambda entry: _spelled(path[-1], entry))
    return set_value(content, path, _spelled(path[-1], after))


def _spelled(key: str | int, value: Any) -> str:
    """Spell a name, a version or a list of versions: versions are always in quotes, as people write them."""
    if isinstance(value, list):
        return f"[{', '.join(_spelled(key, item) for item in value)}]"
    return quote(value) if key in ("stage", "fixes") else f'"{value}"'


def _replaced(data: Any, path: KeyPath, value: Any) -> Any:
    return value if not path else {**data, path[0]: _replaced(data[path[0]], path[1:], value)}


def _verified(content: bytes, expected: Any) -> bytes:
    """Make sure that the text says what was asked for: a file that cannot be spliced stays as it is."""
    if parse(content).data != expected:
        raise CannotEdit
    return content
