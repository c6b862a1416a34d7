"""Payloads of Grafana's webhook contact point: Alertmanager's form, with fields of its own.

Source: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rollout_spec.core.breach import Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.alert_fields import SkippedError
from rollout_spec.integrations.monitors.alert_values import read_url, read_value
from rollout_spec.integrations.monitors.alertmanager import annotations_of, read_alerts, summary_of
from rollout_spec.integrations.monitors.json_body import read_object
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload

_VERSION = "1"
_HINT = "use the default payload of a webhook contact point; for Grafana's Mimir, use `type: alertmanager`"
_NO_DATA = ("DatasourceNoData", "DatasourceError")  # not a set: a payload may have a list as a name


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach for each firing alert with the label ``rollout``; skip the others."""
    payload = read_object(content, hint=_HINT)
    if payload.get("version") != _VERSION or not isinstance(payload.get("alerts"), list):
        raise UserError('not a webhook payload of Grafana: `version: "1"` or `alerts` is missing', hint=_HINT)
    return read_alerts(payload, "grafana", _evidence)


def _evidence(alert: dict[str, Any]) -> Evidence:
    """Return the evidence of an alert. SkippedError if it reports missing data, with the labels of a rule."""
    if alert["labels"].get("alertname") in _NO_DATA:
        raise SkippedError("it reports that data is missing, not that a trigger was breached", "not-firing")
    urls = (read_url(alert.get(name)) for name in ("generatorURL", "panelURL", "dashboardURL"))
    return Evidence(summary_of(alert), _value(alert), next((url for url in urls if url), None))


def _value(alert: dict[str, Any]) -> Decimal | None:
    """Return the value in the annotation ``value``, or else the only one of the rule's expressions."""
    value = read_value(annotations_of(alert).get("value"))
    values = alert.get("values")
    if value is None and isinstance(values, dict) and len(values) == 1:
        return read_value(next(iter(values.values())))
    return value
