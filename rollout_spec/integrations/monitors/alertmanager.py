"""Payloads of Alertmanager's webhook: each firing alert with the labels of a rollout is a breach.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4. Unknown fields are
ignored: releases add some. An alert without ``version`` must name its ``trigger``, because others use the label
``rollout`` too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.alert_fields import (
    Names,
    SkippedError,
    breach_from,
    read_each,
    read_names,
    resolved_from,
)
from rollout_spec.integrations.monitors.alert_values import (
    digest,
    read_end,
    read_text,
    read_time,
    read_url,
    read_value,
)
from rollout_spec.integrations.monitors.json_body import check_count, read_object
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload, ResolvedAlert, SkippedAlert

_VERSION = "4"
_HINT = "post Alertmanager's webhook payload, version 4"
_SOURCE = "alertmanager"

EvidenceOf = Callable[[dict[str, Any]], Evidence]


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach for each firing alert with the label ``rollout``; skip the others."""
    payload = read_object(content, hint=_HINT)
    if payload.get("version") != _VERSION or not isinstance(payload.get("alerts"), list):
        raise UserError(
            'not a webhook payload of Alertmanager, version 4: `version: "4"` or `alerts` is missing', hint=_HINT
        )
    return read_alerts(payload, _SOURCE, _evidence)


def read_alerts(payload: dict[str, Any], source: str, evidence_of: EvidenceOf) -> Payload:
    """Return the breaches of a payload in this form."""
    check_count(payload["alerts"])
    result = read_each(payload["alerts"], lambda alert: _breach(alert, source, evidence_of))
    truncated = payload.get("truncatedAlerts")
    if isinstance(truncated, int) and truncated > 0:
        message = f"{truncated} more alerts were cut off by {source.capitalize()} (max_alerts) and get no response"
        result.skipped.append(SkippedAlert(message, "cut-off"))
    return result


def annotations_of(alert: dict[str, Any]) -> dict[str, Any]:
    """Return the annotations of an alert, empty if it has none."""
    annotations = alert.get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def summary_of(alert: dict[str, Any]) -> str:
    """Return the summary of an alert, or its name."""
    return read_text(annotations_of(alert).get("summary")) or read_text(alert["labels"].get("alertname"))


def _breach(alert: Any, source: str, evidence_of: EvidenceOf) -> Breach:
    """Return the breach of an alert. SkippedError if it gives none."""
    if not isinstance(alert, dict) or not isinstance(alert.get("labels"), dict):
        raise SkippedError("it has no labels, or one of them twice")
    if alert.get("status") == "resolved":
        raise SkippedError("it is resolved, not firing", "not-firing", _resolved(alert, source))
    if alert.get("status") != "firing":
        raise SkippedError("its status is neither firing nor resolved")
    names = _names(alert["labels"])
    try:
        moment = read_time(alert.get("startsAt"), "startsAt")
    except ValueError as error:
        raise SkippedError(f"{names.subject} gets no response: {error}", "unreadable") from None
    return breach_from(
        names,
        source=source,
        identity=_identity(alert, moment),
        observed_at=moment,
        ended_at=read_end(alert.get("endsAt"), moment),
        evidence=evidence_of(alert),
    )


def _names(labels: dict[str, Any]) -> Names:
    names = read_names(labels, about="rollout" if labels.get("trigger") else None)
    if names.version is None and names.trigger is None:
        raise SkippedError("it has no label `version`, and its label `trigger` is not the name of a trigger")
    return names


def _resolved(alert: dict[str, Any], source: str) -> ResolvedAlert | None:
    """Return the alert that ended, None if it does not name a rollout or its start."""
    try:
        names, moment = _names(alert["labels"]), read_time(alert.get("startsAt"), "startsAt")
    except ValueError:
        return None
    ended_at = read_end(alert.get("endsAt"), moment)
    return resolved_from(names, source=source, identity=_identity(alert, moment), ended_at=ended_at)


def _identity(alert: dict[str, Any], moment: datetime) -> str:
    """Return the identity of an alert with its start: it is the same in each delivery."""
    fingerprint = alert.get("fingerprint")
    if not isinstance(fingerprint, str) or not re.fullmatch(r"[0-9a-f]{1,64}", fingerprint):
        fingerprint = digest(alert["labels"])
    return f"{fingerprint}-{int(moment.timestamp())}"


def _evidence(alert: dict[str, Any]) -> Evidence:
    value = read_value(annotations_of(alert).get("value"))
    return Evidence(summary_of(alert), value, read_url(alert.get("generatorURL")))
