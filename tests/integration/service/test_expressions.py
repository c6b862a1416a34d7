"""Expressions of a mapping within limits: its author may merge to one workspace, and a service serves several."""

from __future__ import annotations

import json
import time

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors import MonitorOptions, parse

SHARED = "|".join(["[@, @]"] * 60)
"""A list that is small in memory, and huge as text: each level holds the one below twice."""
COSTLY = {
    "a list that doubles": "|".join(["[@, @][]"] * 100),
    "a list that doubles, as text": f"to_string({SHARED})",
    "a comparison of such lists": f"({SHARED}) == ({SHARED.replace(' ', '')})",
    "a text that doubles": "|".join(["join('x', [@, @])"] * 100).replace("@, @", "text, text", 1),
    "a long separator": "join(text, items)",
    "nested comparisons": f"{'(' * 60}@{' == @)' * 60}",
    "many steps": "items" + " | [*]" * 300,
}
QUICK = ["nested comparisons"]


@pytest.mark.parametrize("name", COSTLY)
def test_an_expression_ends_soon(name: str) -> None:
    body = json.dumps({"text": "x" * 10_000, "items": ["y"] * 20_000}).encode()
    begin = time.thread_time()
    mapping = {"rollout": "'fraud'", "version": "'42'", "alerts": f"[{COSTLY[name]}]"}
    try:
        payload = parse(body, "json", {}, MonitorOptions(mapping=mapping))
    except UserError as error:
        assert name not in QUICK and "the expressions of the mapping" in error.message
    else:
        assert name in QUICK and len(payload.skipped) == 1
    assert time.thread_time() - begin < 20


def test_a_large_payload_is_within_the_limits() -> None:
    alerts = [{"state": "bad", "text": f"rollout=fraud version={number} trigger=drift"} for number in range(10_000)]
    mapping = {name: f"labels(text).{name}" for name in ("rollout", "version", "trigger")}
    mapping |= {"alerts": "items", "firing": "contains(`[\"bad\"]`, state) && state == 'bad'"}
    mapping |= {"observedAt": "`1795169700`"}
    payload = parse(json.dumps({"items": alerts}).encode(), "json", {}, MonitorOptions(mapping=mapping))
    assert len(payload.breaches) == 10_000
