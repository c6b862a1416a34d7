"""Alertmanager posts a group of alerts, some firing and some resolved; each firing one with our labels is a breach.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4. Unknown fields are passed
over: releases add some. Nothing in a payload is signed, so that names in it are looked up, and never believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import NAME, is_version, parse_time

UNANSWERED = "nobody answers"
"""Marks an alert that is about a version, and that cannot be read or is not in the payload."""
_VERSION = "4"
_FIRST_YEAR = 1970
_MOST_BYTES = 8 * 1024 * 1024
_URL = re.compile(r"https?://(?:(?![<>\"'`{}|\\^])[!-~]){1,2000}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?")
_ROUNDED = Context(prec=15)
_HINT = "post Alertmanager's webhook payload, version 4"


def parse(content: bytes) -> tuple[list[Breach], list[str]]:
    """Return a breach for each firing alert with the labels ``rollout`` and ``version``, and why others are none."""
    payload = _load(content)
    alerts = payload.get("alerts")
    if payload.get("version") != _VERSION or not isinstance(alerts, list):
        raise UserError(
            'this is no webhook payload of Alertmanager, version 4: it has no `version: "4"` and `alerts`', hint=_HINT
        )
    breaches, passed = [], []
    for number, alert in enumerate(alerts, 1):
        try:
            breaches.append(_breach(alert))
        except ValueError as error:
            passed.append(f"alert {number}: {error}")
    truncated = payload.get("truncatedAlerts")
    if isinstance(truncated, int) and truncated > 0:
        passed.append(f"{truncated} more alerts were cut off by Alertmanager (max_alerts), {UNANSWERED} them")
    return breaches, passed


def _load(content: bytes) -> dict[str, Any]:
    if len(content) > _MOST_BYTES:
        raise UserError(f"the payload has {len(content):,} bytes, and at most {_MOST_BYTES:,} are read")
    try:
        payload = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the payload is no JSON: {error}", hint=_HINT) from None
    if not isinstance(payload, dict):
        raise UserError("the payload is no JSON object", hint=_HINT)
    return payload


def _breach(alert: Any) -> Breach:
    """Turn one alert into a breach. ValueError says why it is none."""
    if not isinstance(alert, dict) or not isinstance(alert.get("labels"), dict):
        raise ValueError("it has no labels")
    if alert.get("status") == "resolved":
        raise ValueError("it is resolved, and not firing")
    if alert.get("status") != "firing":
        raise ValueError("its status is neither firing nor resolved")
    labels, annotations = alert["labels"], alert.get("annotations")
    annotations = annotations if isinstance(annotations, dict) else {}
    rollout, version = labels.get("rollout"), labels.get("version")
    if not isinstance(rollout, str) or not re.fullmatch(NAME, rollout):
        raise ValueError("its label `rollout` names no rollout")
    if not isinstance(version, str) or not is_version(version):
        raise ValueError("its label `version` names no version")
    trigger, workspace = labels.get("trigger"), labels.get("workspace") or None
    if workspace is not None and not (isinstance(workspace, str) and re.fullmatch(NAME, workspace)):
        raise ValueError("its label `workspace` names no workspace")
    try:
        moment = _moment(alert)
    except ValueError as error:
        raise ValueError(f"{UNANSWERED} {rollout} {version}: {error}") from None
    return Breach(
        id=_id(alert, labels, moment),
        source="alertmanager",
        rollout=rollout,
        version=version,
        observed_at=moment,
        trigger=trigger if isinstance(trigger, str) and re.fullmatch(NAME, trigger) else None,
        workspace=workspace,
        ended_at=_end(alert, moment),
        evidence=Evidence(
            _text(annotations, "summary") or _text(labels, "alertname"), _value(annotations), _url(alert)
        ),
    )


def _moment(alert: dict[str, Any]) -> datetime:
    """Return when it began to fire. ValueError if it does not say: Go's zero time lies in the year 1."""
    started = alert.get("startsAt")
    moment = parse_time(started if isinstance(started, str) else "")
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"its `startsAt` lies in the year {moment.year}")
    return moment


def _end(alert: dict[str, Any], began: datetime) -> datetime | None:
    """Return when it ceased to fire, where it says so: a payload that was kept may be told later."""
    ended = alert.get("endsAt")
    try:
        moment = parse_time(ended if isinstance(ended, str) else "")
    except ValueError:
        return None
    return moment if moment > began else None  # Go's zero time lies in the year 1


def _id(alert: dict[str, Any], labels: dict[str, Any], moment: datetime) -> str:
    """The same alert, firing since the same moment, is the same breach, however often it is told."""
    fingerprint = alert.get("fingerprint")
    if not isinstance(fingerprint, str) or not re.fullmatch(r"[0-9a-f]{1,64}", fingerprint):
        fingerprint = hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]
    return f"alertmanager-{fingerprint}-{int(moment.timestamp())}"


def _text(source: dict[str, Any], key: str) -> str:
    value = source.get(key)
    return value if isinstance(value, str) else ""


def _value(annotations: dict[str, Any]) -> Decimal | None:
    """Return the number of the breach, where the alert says it, and it is one that a person can read."""
    text = _text(annotations, "value")
    if not _NUMBER.fullmatch(text):
        return None
    value = _ROUNDED.create_decimal(text)
    return value if -20 < value.adjusted() < 20 else None


def _url(alert: dict[str, Any]) -> str | None:
    url = alert.get("generatorURL")
    return url if isinstance(url, str) and _URL.fullmatch(url) else None
