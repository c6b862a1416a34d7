"""Edits of workspace files: ``live``, the ``serving`` of a component, a new record and new documents.

Each edit is read back: it must have the requested data, and no other change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import KeyPath
from rollout_spec.core.units import format_time
from rollout_spec.core.yaml.alignment import realigned
from rollout_spec.core.yaml.document import parse
from rollout_spec.core.yaml.entries import CannotEditError, EntryText
from rollout_spec.core.yaml.format import Quoted, block, inline
from rollout_spec.core.yaml.patch import below, cut, insert, insert_first, remove, set_list, set_value
from rollout_spec.core.yaml.scalars import quote
from rollout_spec.spec.rollout import Live

_LIVE = ("spec", "live")
_VERSIONS: KeyPath = ("spec", "versions")
_ORDER = ("stable", "candidate", "stage", "fixes", "knownGood")
_RESOLUTION = ("status", "verdict", "reproduced", "notReproduced", "rootCause", "resolution")


def with_live(content: bytes, live: Live) -> bytes:
    """Return a rollout's file with a new ``live``. Other lines do not change."""
    data = _data(content)
    before: dict[str, Any] = data["spec"]["live"]
    after = _live_data(live, before)
    expected = _replaced(data, _LIVE, after)
    parts = cut(content, _LIVE[-1])
    if parts and parse(parts[1]).data == before:
        with suppress(CannotEditError):  # these may be lines of another text that look the same
            edited = _update_live(parts[1], (), before, after)
            return _verified(content, parts[0] + edited + parts[2], expected)
    return _verified(content, _update_live(content, _LIVE, before, after), expected)


def _update_live(content: bytes, at: KeyPath, before: Mapping[str, Any], after: Mapping[str, Any]) -> bytes:
    """Change the ``live`` at a path of a text, key by key."""
    for key in _ORDER:  # first, because rollbacks of stable and of the candidate begin with the same removals
        if key in before and key not in after:
            content = remove(content, (*at, key))
    for key in _ORDER:
        if key in after and key not in before:
            earlier = [other for other in _ORDER[: _ORDER.index(key)] if other in after]
            content = insert(content, at, f"{key}: {_value_text(key, after[key])}", behind=earlier[-1])
        elif key in after and after[key] != before[key]:
            content = _changed(content, (*at, key), before[key], after[key])
    return content


def with_serving(content: bytes, serving: Sequence[str]) -> bytes:
    """Return a component's file with other served versions."""
    data, at = _data(content), ("spec", "serving")
    edited = _changed(content, at, data["spec"]["serving"], list(serving))
    return _verified(content, edited, _replaced(data, at, list(serving)))


def with_record(content: bytes, version: str, record: Mapping[str, Any]) -> bytes:
    """Return a rollout's file with one more version, after the others and in the style of the last one."""
    data, source = _data(content), EntryText(content)
    versions_node = source.document.node(_VERSIONS)
    if not isinstance(versions_node, tuple) or not isinstance(versions_node[2], dict) or not versions_node[2]:
        raise CannotEditError
    last = list(versions_node[2])[-1]
    key, written = versions_node[2][last]
    mark = "'" if key.style == "'" else '"'
    name = f"{mark}{version}{mark}:"
    in_line = f"{name} {inline(spelled(record))}"
    if versions_node[0].flow_style:
        edited = insert(content, _VERSIONS, in_line, behind=last)
    elif isinstance(written, tuple) and written[0].flow_style:
        edited = _appended(source, last, _column(key), [in_line])
    else:
        depth = _column(key)
        inside = list(written[2].values()) if isinstance(written, tuple) and isinstance(written[2], dict) else []
        lines = [name, *block(spelled(record), " " * (_column(inside[0][0]) - depth if inside else 2))]
        edited = _appended(source, last, depth, lines)
    return _verified(content, edited, _replaced(data, (*_VERSIONS, version), dict(record)))


def with_drilled(content: bytes, moment: datetime) -> bytes:
    """Return a rollout's file with the time at which a drill verified all its rollbacks."""
    written = format_time(moment)
    return _with_entry(content, "rollback", "drilled", written, written, list(_data(content)["spec"])[-1])


def with_replay(content: bytes, summary: str) -> bytes:
    """Return an incident's file with the result of a replay. The rest of its evidence stays."""
    spec = _data(content)["spec"]
    behind = next(key for key in ("reverts", "stage", "observedAt") if key in spec)
    return _with_entry(content, "evidence", "replay", summary, quote(summary), behind)


def with_resolution(content: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return an incident's file with other fields of its resolution.

    A missing field is inserted in the usual order.
    """
    data, edited = _data(content), content
    for key in (name for name in _RESOLUTION if name in fields):
        present = _data(edited)["spec"]
        if key not in present:
            earlier = [name for name in _RESOLUTION[: _RESOLUTION.index(key)] if name in present]
            edited = insert(edited, ("spec",), f"{key}: {quote(fields[key])}", behind=earlier[-1])
        elif present[key] != fields[key]:
            edited = set_value(edited, ("spec", key), quote(fields[key]))
    return _verified(content, edited, _replaced(data, ("spec",), {**data["spec"], **fields}))


def _with_entry(content: bytes, block_name: str, key: str, value: str, written: str, behind: str) -> bytes:
    """Return a file with an entry in a mapping of its spec. A missing mapping is inserted behind an entry."""
    data, at = _data(content), ("spec", block_name)
    before = data["spec"].get(block_name)
    if block_name not in data["spec"]:
        edited = insert(content, at[:1], f"{block_name}: {{{key}: {written}}}", behind=behind)
    elif before is None:
        edited = set_value(content, at, f"{{{key}: {written}}}")
    elif not before:
        edited = insert_first(content, at, f"{key}: {written}")
    elif key in before:
        edited = set_value(content, (*at, key), written)
    else:
        edited = insert(content, at, f"{key}: {written}", behind=list(before)[-1])
    return _verified(content, edited, _replaced(data, at, {**(before or {}), key: value}))


def spelled(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record whose pins are written in quotes, as versions are."""
    pins = record.get("requires")
    quoted = {"requires": {name: Quoted(pin) for name, pin in pins.items()}} if isinstance(pins, Mapping) else {}
    return {**record, **quoted}


def _column(event: Any) -> int:
    return int(event.start_mark.column)


def _appended(source: EntryText, last: str, depth: int, lines: Sequence[str]) -> bytes:
    """Insert lines after the last version and the comments that are indented as part of its record."""
    at, newline = below(source, (*_VERSIONS, last)), source.newline
    while (line := source.text[at : source.line_end(at)]).lstrip(" ").startswith("#"):
        if len(line) - len(line.lstrip(" ")) <= depth:
            break
        at = source.line_end(at)
    text = newline.join(" " * depth + line for line in lines)
    if source.text[:at].endswith(("\n", "\r")):
        return source.replaced(at, at, text + newline)
    return source.replaced(at, at, newline + text)


def document_text(fields: Mapping[str, Any], schema: str) -> str:
    """Return a new document, with ``spec`` in block style and the schema comment for editors."""
    lines = [f"# yaml-language-server: $schema=../schemas/{schema}.schema.json", *_lines(fields, "")]
    return "\n".join(lines) + "\n"


def _lines(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, Mapping) and value and key != "metadata":
            yield f"{indent}{quote(key)}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{quote(key)}: {quote(value)}"


def _data(content: bytes) -> Any:
    data = parse(content).data
    if not isinstance(data, dict):
        raise UserError("this file does not load, so it cannot be edited")
    return data


def _live_data(live: Live, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``live`` as written: absent fields are omitted, but an existing empty ``knownGood`` stays."""
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
        return set_list(content, path, before, after, lambda entry: _value_text(path[-1], entry))
    return set_value(content, path, _value_text(path[-1], after))


def _value_text(key: str | int, value: Any) -> str:
    """Return a name, a version or a list of versions as YAML. Versions are always in quotes."""
    if isinstance(value, list):
        return f"[{', '.join(_value_text(key, item) for item in value)}]"
    return quote(value) if key in ("stage", "fixes") else f'"{value}"'


def _replaced(data: Any, path: KeyPath, value: Any) -> Any:
    return value if not path else {**data, path[0]: _replaced(data.get(path[0]), path[1:], value)}


def _verified(before: bytes, after: bytes, expected: Any) -> bytes:
    """Return an edited file with aligned comments. CannotEditError unless it has the expected data."""
    aligned = realigned(before, after)
    for content in (aligned, after):
        if parse(content).data == expected:
            return content
    raise CannotEditError
