"""Payloads of Alertmanager's webhook: each firing alert with the labels of a rollout is a breach.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4. Unknown fields are
ignored: releases add some. A payload is not signed, so its names are looked up and never trusted.
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
from rollout_spec.integrations.monitors.payload import Payload, SkippedAlert, SkipReason

_VERSION = "4"
_FIRST_YEAR = 1970
_MOST_BYTES = 8 * 1024 * 1024
_URL = re.compile(r"https?://(?:(?![<>\"'`{}|\\^])[!-~]){1,2000}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?")
_ROUNDED = Context(prec=15)
_HINT = "post Alertmanager's webhook payload, version 4"


class _SkippedError(ValueError):
    """An alert that gives no breach."""

    def __init__(self, message: str, reason: SkipReason = "foreign") -> None:
        super().__init__(message)
        self.reason = reason


def parse(content: bytes) -> Payload:
    """Return a breach for each firing alert with the labels ``rollout`` and ``version``; skip the others."""
    payload = _load(content)
    alerts = payload.get("alerts")
    if payload.get("version") != _VERSION or not isinstance(alerts, list):
        raise UserError(
            'not a webhook payload of Alertmanager, version 4: `version: "4"` or `alerts` is missing', hint=_HINT
        )
    breaches, skipped = list[Breach](), list[SkippedAlert]()
    for number, alert in enumerate(alerts, 1):
        try:
            breaches.append(_breach(alert))
        except _SkippedError as error:
            skipped.append(SkippedAlert(f"alert {number}: {error}", error.reason))
    truncated = payload.get("truncatedAlerts")
    if isinstance(truncated, int) and truncated > 0:
        message = f"{truncated} more alerts were cut off by Alertmanager (max_alerts) and get no response"
        skipped.append(SkippedAlert(message, "cut-off"))
    return Payload(breaches, skipped)


def _load(content: bytes) -> dict[str, Any]:
    if len(content) > _MOST_BYTES:
        raise UserError(f"the payload has {len(content):,} bytes, more than the limit of {_MOST_BYTES:,}")
    try:
        payload = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the payload is not JSON: {error}", hint=_HINT) from None
    if not isinstance(payload, dict):
        raise UserError("the payload is not a JSON object", hint=_HINT)
    return payload


def _breach(alert: Any) -> Breach:
    """Return the breach of an alert. _SkippedError if it gives none."""
    if not isinstance(alert, dict) or not isinstance(alert.get("labels"), dict):
        raise _SkippedError("it has no labels")
    if alert.get("status") == "resolved":
        raise _SkippedError("it is resolved, not firing", "not-firing")
    if alert.get("status") != "firing":
        raise _SkippedError("its status is neither firing nor resolved")
    labels, annotations = alert["labels"], alert.get("annotations")
    annotations = annotations if isinstance(annotations, dict) else {}
    rollout, version = labels.get("rollout"), labels.get("version")
    if not isinstance(rollout, str) or not re.fullmatch(NAME, rollout):
        raise _SkippedError("its label `rollout` is not the name of a rollout")
    if not isinstance(version, str) or not is_version(version):
        raise _SkippedError("its label `version` is not a version")
    trigger, workspace = labels.get("trigger"), labels.get("workspace") or None
    if workspace is not None and not (isinstance(workspace, str) and re.fullmatch(NAME, workspace)):
        raise _SkippedError("its label `workspace` is not the name of a workspace")
    try:
        moment = _moment(alert)
    except ValueError as error:
        raise _SkippedError(f"{rollout} {version} gets no response: {error}", "unreadable") from None
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
    """Return when an alert began to fire. ValueError if unknown; Go's zero time is in the year 1."""
    started = alert.get("startsAt")
    moment = parse_time(started if isinstance(started, str) else "")
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"its `startsAt` lies in the year {moment.year}")
    return moment


def _end(alert: dict[str, Any], began: datetime) -> datetime | None:
    """Return when an alert ended, None if unknown. A stored payload may be posted later."""
    ended = alert.get("endsAt")
    try:
        moment = parse_time(ended if isinstance(ended, str) else "")
    except ValueError:
        return None
    return moment if moment > began else None  # Go's zero time is in the year 1


def _id(alert: dict[str, Any], labels: dict[str, Any], moment: datetime) -> str:
    """Return an id: the same alert with the same start is the same breach, however often it is posted."""
    fingerprint = alert.get("fingerprint")
    if not isinstance(fingerprint, str) or not re.fullmatch(r"[0-9a-f]{1,64}", fingerprint):
        fingerprint = hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]
    return f"alertmanager-{fingerprint}-{int(moment.timestamp())}"


def _text(source: dict[str, Any], key: str) -> str:
    value = source.get(key)
    return value if isinstance(value, str) else ""


def _value(annotations: dict[str, Any]) -> Decimal | None:
    """Return the value of the breach, None if absent or not a readable number."""
    text = _text(annotations, "value")
    if not _NUMBER.fullmatch(text):
        return None
    value = _ROUNDED.create_decimal(text)
    return value if -20 < value.adjusted() < 20 else None


def _url(alert: dict[str, Any]) -> str | None:
    url = alert.get("generatorURL")
    return url if isinstance(url, str) and _URL.fullmatch(url) else None
