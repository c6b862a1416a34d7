"""The snippets of docs/monitors.md: settings that load, and payloads that give a breach."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import folders

from rollout_spec.core.yaml.document import parse as parse_yaml
from rollout_spec.integrations.monitors import MONITORS, MonitorOptions, Payload, parse
from rollout_spec.integrations.monitors.authentication import STYLES
from rollout_spec.integrations.monitors.json_body import MOST_ALERTS, MOST_BYTES
from rollout_spec.integrations.monitors.presets import PRESETS
from rollout_spec.spec.service import ServiceSettings
from rollout_spec.workflows.monitors import options_of

PAGE = (folders.CHECKOUT / "docs/monitors.md").read_text("utf-8")
NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)


def blocks(kind: str, heading: str = "") -> list[str]:
    text = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0] if heading else PAGE
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def data(block: str) -> Any:
    return parse_yaml(block.encode()).data


def only(payload: Payload) -> tuple[str, str | None, str | None]:
    (breach,) = payload.breaches
    assert payload.skipped == []
    return breach.rollout, breach.version, breach.trigger


def test_the_settings_load_and_show_every_type_and_preset() -> None:
    loaded = [
        ServiceSettings.model_validate(data(block)["service"]) for block in blocks("yaml") if "service:\n" in block
    ]
    monitors = loaded[0].monitors.values()
    assert {each.type for each in monitors} == MONITORS.keys()
    assert {each.preset for each in monitors} - {None} == PRESETS.keys()
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE.split("## Authentication")[0], re.MULTILINE)[1:] == list(MONITORS)
    own = loaded[1].monitors["own"]
    content = (
        b'{"items": [{"state": "bad", "since": 1795169700, "key": 1, "labels": {"model": "fraud", "version": 42}}]}'
    )
    assert only(parse(content, own.type, {}, options_of(own, NOW))) == ("fraud", "42", None)


def test_the_page_has_every_style_and_the_bounds() -> None:
    assert all(f"`hmac`, `style: {style}`" in PAGE for style in STYLES)
    assert f"{MOST_BYTES // 2**20} MiB, {MOST_ALERTS:,} alerts" in PAGE


def test_the_other_yaml_snippets_are_yaml() -> None:
    assert [data(block) is not None for block in blocks("yaml")].count(True) == len(blocks("yaml")) > 6


def test_the_event_is_a_breach() -> None:
    assert only(parse(blocks("json", "CloudEvents")[0].encode(), "cloudevents")) == ("fraud", "42", "drift")


def test_the_template_of_argo_rollouts_is_a_breach() -> None:
    template = data(data(blocks("yaml", "Argo Rollouts")[0])["template.rollout-spec-aborted"])
    rollout = {
        "metadata": {"name": "fraud", "namespace": "ml", "labels": {"rollout-spec/trigger": "drift"}},
        "status": {"phase": "Degraded", "message": 'Metric "errors" failed', "abortedAt": "2026-11-20T10:15:00Z"},
    }

    def value(match: re.Match[str]) -> str:
        found: Any = rollout
        for key in match[1].split("."):
            found = found.get(key)
        return json.dumps(found)

    body = re.sub(r"\{\{ toJson \.rollout\.([\w.]+) \}\}", value, template["webhook"]["rollout-spec"]["body"])
    payload = parse(body.encode(), "argo-rollouts")
    assert only(payload) == ("fraud", None, "drift")
    assert payload.breaches[0].evidence.summary == 'Metric "errors" failed'


def test_the_payload_of_datadog_is_a_breach() -> None:
    values = {
        "$ALERT_CYCLE_KEY": "123",
        "$ALERT_TRANSITION": "Triggered",
        "$DATE": "1795169700000",
        "$TAGS[rollout]": "fraud",
        "$TAGS[version]": "42",
        "$TAGS[trigger]": "drift",
        "$TAGS[workspace]": "",
    }
    template = blocks("json", "Datadog")[0]
    body = re.sub(r"\$[A-Z_]+(?:\[\w+\])?", lambda match: values.get(match[0], "x"), template)
    assert only(parse(body.encode(), "json", {}, MonitorOptions("datadog"))) == ("fraud", "42", "drift")


def test_the_subscription_of_pagerduty_is_json() -> None:
    assert json.loads(blocks("json", "PagerDuty")[0])["webhook_subscription"]["events"]
