"""What a monitor posts is read as breaches, or passed over with the reason: a case is some files, and no Python.

``cases/monitors/<type or preset>/<name>.json`` is a payload, ``<name>.headers`` its headers and ``<name>.mapping`` a
mapping of ``type: json``, if there are any. ``<name>.txt`` is what is read: ``ROLLOUT_SPEC_UPDATE=1`` writes it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import folders
import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import NAME, format_time, is_version
from rollout_spec.integrations.monitors import MONITORS, MonitorOptions, Payload, ResolvedAlert, parse
from rollout_spec.integrations.monitors.alert_values import read_moment
from rollout_spec.integrations.monitors.presets import PRESETS

PAYLOADS = sorted((folders.CASES / "monitors").glob("*/*.json"))
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"

some = settings(max_examples=examples(150), deadline=None, database=None, derandomize=True)


def told(payload: Payload) -> str:
    lines = []
    for breach in payload.breaches:
        where = f"{breach.workspace or '-'}/{breach.rollout} {breach.version or f'({breach.about})'}"
        lines.append(f"{breach.id}: {where} by {breach.trigger or '-'} at {format_time(breach.observed_at)}")
        evidence = breach.evidence
        lines.append(f"  {evidence.summary!r}, {evidence.value}, {evidence.url}")
    lines += [f"skipped: {alert}" for alert in payload.skipped]
    for alert in payload.resolved:
        ended = format_time(alert.ended_at) if alert.ended_at else "-"
        name = f"{alert.workspace or '-'}/{alert.rollout} {alert.version or '-'}"
        lines.append(f"resolved: {alert.id}: {name} by {alert.trigger or '-'} at {ended}")
    lines += [f"confirm: {payload.confirmation}"] if payload.confirmation else []
    return "".join(f"{line}\n" for line in lines)


NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:rollouts"


def pairs(path: Path) -> dict[str, str]:
    """Read a file with a name and a value in each line."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return dict(line.split(": ", 1) for line in lines)


def heard(path: Path) -> str:
    name = path.parent.name
    preset = name if name in PRESETS else None
    options = MonitorOptions(preset, pairs(path.with_suffix(".mapping")), TOPIC if name == "cloudwatch" else None, NOW)
    headers = pairs(path.with_suffix(".headers"))
    try:
        return told(parse(path.read_bytes(), "json" if preset else name, headers, options))
    except UserError as error:
        assert error.status == 2
        return f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else "")


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_payload_is_read_as_it_was_meant(path: Path) -> None:
    found, expected = heard(path), path.with_suffix(".txt")
    if UPDATE:
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")


def test_every_monitor_has_cases() -> None:
    assert {path.parent.name for path in PAYLOADS} == MONITORS.keys() | PRESETS.keys()


def alert(**fields: Any) -> dict[str, Any]:
    labels = {"rollout": "fraud", "version": "42", "trigger": "serving-errors"}
    return {"status": "firing", "labels": labels, "startsAt": "2026-11-20T10:15:00Z", **fields}


def one(payload_alert: dict[str, Any]) -> Breach:
    payload = parse(json.dumps({"version": "4", "alerts": [payload_alert]}).encode())
    assert payload.skipped == []
    return payload.breaches[0]


def test_the_same_alert_is_the_same_breach_however_often_it_is_told() -> None:
    first = one(alert(fingerprint="abc", annotations={"summary": "a", "value": "1"}))
    again = one(alert(fingerprint="abc", annotations={"summary": "b"}, startsAt="2026-11-20T11:15:00.9+01:00"))
    assert again.id == first.id == "alertmanager-abc-1795169700"
    assert one(alert(fingerprint="abc", startsAt="2026-11-20T10:15:01Z")).id != first.id
    assert one(alert(fingerprint="abd")).id != first.id


@pytest.mark.parametrize("fingerprint", [None, "", "ABC", "x\nRollback-To: y", 1, "a" * 65])
def test_an_alert_without_a_fingerprint_is_known_by_its_labels(fingerprint: Any) -> None:
    breach = one(alert(fingerprint=fingerprint))
    assert re.fullmatch(r"alertmanager-[0-9a-f]{16}-1795169700", breach.id)
    assert one(alert()).id == breach.id
    assert one(alert(labels={"rollout": "fraud", "version": "41"})).id != breach.id


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://prometheus:9090/graph?g0.expr=a+%3E+1&g0.tab=1", True),
        ("https://grafana.example.com/d/x#panel-1", True),
        ("https://x/" + "a" * 1990, True),
        ("https://x/" + "a" * 2000, False),
        ("http://", False),
        ("ftp://x/", False),
        ("javascript:alert(1)", False),
        ("//x/", False),
        ("http://x/ y", False),
        ("http://x/\x1b[31m", False),
        ("http://x/\u202e", False),
        ("http://x/é", False),
        ("http://x/\ud800", False),
        ("http://x/<script>", False),
        ("http://x/`", False),
        ("http://x/|", False),
        ("http://x\n", False),
        (None, False),
        (["http://x/"], False),
    ],
)
def test_a_link_is_kept_where_it_is_one(url: Any, kept: bool) -> None:
    assert one(alert(generatorURL=url)).evidence.url == (url if kept else None)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["fraud", "42", "", "a\nb", "Fraud", "1.10+rc_1", "-x", "\x1b[31m", "é"]) | junk
alerts = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "firing", "resolved"]) | junk,
        "labels": st.fixed_dictionaries(
            {"rollout": names, "version": names}, optional={"trigger": names, "workspace": names, "alertname": junk}
        )
        | junk,
        "annotations": st.fixed_dictionaries({}, optional={"summary": junk, "value": junk | st.floats().map(str)})
        | junk,
        "startsAt": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | junk,
        "generatorURL": junk,
        "fingerprint": junk,
    },
)


@some
@given(st.lists(alerts | junk, max_size=4), junk, st.sampled_from(["4", "4", "4", 4, None]))
def test_whatever_is_posted_gives_breaches_in_order_or_a_clear_refusal(
    posted: list[Any], more: Any, version: Any
) -> None:
    content = json.dumps({"version": version, "alerts": posted, "truncatedAlerts": more, "x": more}).encode()
    try:
        payload = parse(content)
    except UserError as error:
        assert error.status == 2
        assert version != "4"
        return
    breaches, passed = payload.breaches, payload.skipped
    assert len(breaches) + sum(alert.reason != "cut-off" for alert in passed) == len(posted)
    for alert in passed:
        assert alert.message.isprintable()
    for breach in breaches:
        assert re.fullmatch(r"[a-z0-9-]+", breach.id)
        assert re.fullmatch(NAME, breach.rollout)
        if breach.version is None:
            assert breach.about == "rollout"
            assert breach.trigger is not None
        else:
            assert breach.about is None
            assert is_version(breach.version)
        for name in (breach.trigger, breach.workspace):
            assert name is None or re.fullmatch(NAME, name)
        assert breach.observed_at.tzinfo == UTC
        value = breach.evidence.value
        assert value is None or (isinstance(value, Decimal) and len(f"{value:f}") <= 40)
        assert breach.evidence.url is None or (breach.evidence.url.isascii() and breach.evidence.url.isprintable())


@some
@given(st.binary(max_size=200))
def test_bytes_that_are_no_payload_are_refused(content: bytes) -> None:
    with pytest.raises(UserError) as caught:
        parse(content)
    assert caught.value.status == 2


EXAMPLES = [(path.parent.name, path.read_bytes()) for path in PAYLOADS]


def changed(value: Any, draw: Callable[..., Any]) -> Any:
    """Replace some of the values in a payload."""
    if draw(st.integers(0, 9)) == 0:
        return draw(names)
    if isinstance(value, dict):
        return {key: changed(each, draw) for key, each in value.items()}
    return [changed(each, draw) for each in value] if isinstance(value, list) else value


def check_names(payload: Payload) -> None:
    """Fail if a breach or resolved alert has a name that none may have, or a message could move a cursor."""
    alerts: list[Breach | ResolvedAlert] = [*payload.breaches, *payload.resolved]
    for alert in alerts:
        assert re.fullmatch(NAME, alert.rollout)
        assert alert.version is None or is_version(alert.version)
        assert alert.id is None or re.fullmatch(r"[a-z0-9-]{1,120}", alert.id)
        for name in (alert.trigger, alert.workspace):
            assert name is None or re.fullmatch(NAME, name)
    for breach in payload.breaches:
        assert (breach.version is None) == (breach.about is not None)
        assert breach.observed_at.tzinfo == UTC
        assert breach.evidence.url is None or breach.evidence.url.isprintable()
    assert all(alert.message.isprintable() for alert in payload.skipped)


@some
@given(st.data())
def test_a_changed_payload_of_any_monitor_gives_good_names_or_a_clear_refusal(data: st.DataObject) -> None:
    name, content = data.draw(st.sampled_from(EXAMPLES))
    try:
        posted = json.loads(content)
    except ValueError:
        posted = {}
    preset = name if name in PRESETS else None
    mapping = {"rollout": "model || rollout", "version": "version", "id": "id"} if name == "json" else {}
    body = json.dumps(changed(posted, data.draw))
    if preset == "cloudwatch":
        posted["Message"] = (
            json.dumps(changed(json.loads(posted.get("Message", "{}")), data.draw))
            if (posted.get("Message", "").startswith("{"))
            else body
        )
        body = json.dumps(posted)
    headers = data.draw(
        st.dictionaries(
            st.sampled_from(["content-type", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"]),
            st.sampled_from(["1.0", "application/json", "application/cloudevents+json", "x", "\ud800", "%ff"]),
        )
    )
    try:
        check_names(
            parse(body.encode(), "json" if preset else name, headers, MonitorOptions(preset, mapping, None, NOW))
        )
    except UserError as error:
        assert error.status == 2
        assert error.message.isprintable()


@some
@given(st.sampled_from(sorted(MONITORS)), st.binary(max_size=100), st.sampled_from([None, *PRESETS]))
def test_bytes_of_any_monitor_never_end_the_process(name: str, content: bytes, preset: str | None) -> None:
    try:
        check_names(parse(content, name, {}, MonitorOptions(preset, {"rollout": "@"}, None, NOW)))
    except UserError as error:
        assert error.status == 2


@pytest.mark.parametrize("name", ["alertmanager", "grafana", "cloudevents", "json"])
def test_a_payload_has_bounds(name: str) -> None:
    options = MonitorOptions(None, {"rollout": "a", "alerts": "alerts"})
    version = 1 if name == "grafana" else 4
    for content, message in (
        (b" " * (8 * 2**20 + 1), "bytes, more than the limit"),
        (b"[" * 65 + b"]" * 65, "more than 64 levels"),
        (b'{"version": "%d", "alerts": [%s]}' % (version, b",".join([b"0"] * 10_001)), "alerts, "),
        (b"\xff", "not JSON in UTF-8"),
    ):
        content = content[content.find(b"[") : -1] if name == "cloudevents" and b"alerts" in content else content
        with pytest.raises(UserError, match=message):
            parse(content, name, {}, options)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UserError, match="unknown type of monitor: grafan") as caught:
        parse(b"{}", "grafan")
    assert caught.value.hint == "did you mean `grafana`?"


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1795169700, "2026-11-20T10:15:00Z"),
        (1795169700.9, "2026-11-20T10:15:00Z"),
        (1795169700000, "2026-11-20T10:15:00Z"),
        ("1795169700", "2026-11-20T10:15:00Z"),
        ("1795169700123", "2026-11-20T10:15:00Z"),
        ("2026-11-20T11:15:00.1+0100", "2026-11-20T10:15:00Z"),
        ("2026-11-20T11:15:00+01:00", "2026-11-20T10:15:00Z"),
        (0, None),
        (-1, None),
        (True, None),
        (float("inf"), None),
        (10**20, None),
        ("0001-01-01T00:00:00Z", None),
        ("20261120", None),
        ("today", None),
        ([1], None),
    ],
)
def test_a_moment_is_a_time_or_a_number_of_seconds(value: Any, moment: str | None) -> None:
    if moment is None:
        with pytest.raises(ValueError, match=r"time|lies in the year 1"):
            read_moment(value, "since")
    else:
        assert format_time(read_moment(value, "since")) == moment
