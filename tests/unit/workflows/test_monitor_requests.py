"""Requests of the monitors of a workspace: the evidence with its secrets, the parser by its settings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication import RefusedError, Request
from rollout_spec.spec.service import MonitorSettings
from rollout_spec.workflows.monitors import authenticate_request, authenticates, check_monitor, parse_request

NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
BODY = b'{"model": "fraud", "at": 1795169700}'
KEY = hmac.new(b"s3cret", BODY, hashlib.sha256).hexdigest()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3CRET", "s3cret")
    monkeypatch.setenv("EMPTY", "")


def settings(data: Mapping[str, Any]) -> MonitorSettings:
    return MonitorSettings.model_validate(data)


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({"type": "alertmanager", "auth": {"bearer": {"env": "S3CRET"}}}, {"Authorization": "Bearer s3cret"}),
        (
            {"type": "flagger", "auth": {"basic": {"user": "u", "password": {"env": "S3CRET"}}}},
            {"Authorization": f"Basic {base64.b64encode(b'u:s3cret').decode()}"},
        ),
        ({"type": "cloudevents", "auth": {"hmac": {"env": "S3CRET"}}}, {"X-Hub-Signature-256": f"sha256={KEY}"}),
        ({"type": "grafana", "auth": {"hmac": {"env": "S3CRET"}}}, {"X-Grafana-Alerting-Signature": KEY}),
        (
            {"type": "json", "preset": "pagerduty", "auth": {"hmac": {"env": "S3CRET"}}},
            {"x-pagerduty-signature": f"v1={KEY}"},
        ),
        (
            {"type": "grafana", "auth": {"hmac": {"env": "S3CRET"}, "style": "github"}},
            {"X-Hub-Signature-256": f"sha256={KEY}"},
        ),
    ],
    ids=["bearer", "basic", "github", "grafana", "pagerduty", "another style"],
)
def test_a_request_needs_the_evidence_of_its_monitor(data: dict[str, Any], headers: dict[str, str]) -> None:
    monitor = settings(data)
    assert authenticates(monitor)
    authenticate_request(monitor, Request(BODY, headers), NOW)
    for wrong in ({}, {name: f"{value}x" for name, value in headers.items()}):
        with pytest.raises(RefusedError):
            authenticate_request(monitor, Request(BODY, wrong), NOW)


def test_a_topic_is_evidence_and_auth_comes_in_addition() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:rollouts"
    monitor = settings({"type": "json", "preset": "cloudwatch", "topic": topic})
    assert authenticates(monitor)
    with pytest.raises(RefusedError, match="not a message of SNS"):
        authenticate_request(monitor, Request(BODY, {}), NOW)
    both = settings({"type": "json", "preset": "cloudwatch", "topic": topic, "auth": {"bearer": {"env": "S3CRET"}}})
    with pytest.raises(RefusedError, match="Bearer"):
        authenticate_request(both, Request(BODY, {}), NOW)
    with pytest.raises(RefusedError, match="not a message of SNS"):
        authenticate_request(both, Request(BODY, {"Authorization": "Bearer s3cret"}), NOW)


def test_a_monitor_without_evidence_accepts_all_and_says_so() -> None:
    monitor = settings({"type": "alertmanager"})
    assert not authenticates(monitor)
    authenticate_request(monitor, Request(BODY, {}), NOW)


@pytest.mark.parametrize("place", [{"env": "EMPTY"}, {"env": "MISSING"}, {"file": "/nowhere/secret"}])
def test_a_secret_that_cannot_be_read_refuses_nothing_silently(place: dict[str, str]) -> None:
    monitor = settings({"type": "alertmanager", "auth": {"bearer": place}})
    with pytest.raises(UserError) as caught:
        authenticate_request(monitor, Request(BODY, {"Authorization": "Bearer "}), NOW)
    assert not isinstance(caught.value, RefusedError)
    assert next(iter(place.values())) in caught.value.message


def test_the_settings_choose_the_parser_and_its_mapping() -> None:
    monitor = settings({"type": "json", "mapping": {"rollout": "model", "observedAt": "at"}})
    (breach,) = parse_request(monitor, Request(BODY, {"Content-Type": "application/json"}), NOW).breaches
    assert (breach.rollout, breach.observed_at) == ("fraud", datetime(2026, 11, 20, 10, 15, tzinfo=UTC))


def test_a_mapping_changes_a_field_of_a_preset() -> None:
    monitor = settings({"type": "json", "preset": "datadog", "mapping": {"rollout": "model"}})
    body = json.dumps({"model": "fraud", "rollout": "churn", "transition": "Triggered"}).encode()
    (breach,) = parse_request(monitor, Request(body, {}), NOW).breaches
    assert (breach.rollout, breach.source) == ("fraud", "datadog")


def test_a_wrong_expression_names_its_monitor_and_field() -> None:
    check_monitor("good", settings({"type": "json", "mapping": {"rollout": "model"}}))
    check_monitor("other", settings({"type": "grafana"}))
    wrong = settings({"type": "json", "mapping": {"rollout": "model", "observedAt": "at["}})
    with pytest.raises(UserError, match=r"^monitor own: the expression of `observedAt` is not JMESPath: "):
        check_monitor("own", wrong)
