"""Shipped mappings of ``type: json``: JMESPath expressions by field, as a workspace writes them.

Only presets have ``resolved``: whether an alert that does not fire has ended. Then ``observed_at`` is its end.
"""

from __future__ import annotations

DATADOG = {
    "firing": 'transition && contains(`["Triggered", "Re-Triggered", "Renotify"]`, transition)',
    "resolved": "transition == 'Recovered'",
    "rollout": "rollout",
    "version": "version",
    "workspace": "workspace",
    "trigger": "trigger",
    "observed_at": "date",
    "id": "id",
    "summary": "title",
    "value": "value",
    "url": "url",
}
"""The payload is a template at Datadog: docs/monitors.md has it."""

_PAGERDUTY = "labels(join(' ', [event.data.incident_key || '', event.data.title || '']))"
PAGERDUTY = {
    "firing": "event.event_type == 'incident.triggered'",
    "resolved": "event.event_type == 'incident.resolved'",
    "rollout": f"{_PAGERDUTY}.rollout",
    "version": f"{_PAGERDUTY}.version",
    "workspace": f"{_PAGERDUTY}.workspace",
    "trigger": f"{_PAGERDUTY}.trigger",
    "observed_at": "event.occurred_at",
    "id": "event.data.id",
    "summary": "event.data.title",
    "url": "event.data.html_url",
}
"""Webhooks v3 have no custom details: the names are in the incident's key or title, as ``rollout=fraud version=42``."""

_CLOUDWATCH = "labels(AlarmDescription)"


def _dimension(name: str) -> str:
    return f"{_CLOUDWATCH}.{name} || (Trigger.Dimensions[?name=='{name}'].value | [0])"


CLOUDWATCH = {
    "firing": "NewStateValue == 'ALARM'",
    "resolved": "NewStateValue == 'OK'",
    "rollout": _dimension("rollout"),
    "version": _dimension("version"),
    "workspace": _dimension("workspace"),
    "trigger": _dimension("trigger"),
    "observed_at": "StateChangeTime",
    "id": "NewStateValue == 'ALARM' && join('/', [AlarmArn, StateChangeTime]) || null",
    "summary": "NewStateReason",
}
"""The names are in the alarm's description, as ``rollout=fraud version=42``, or in dimensions of its metric."""

PRESETS = {"datadog": DATADOG, "pagerduty": PAGERDUTY, "cloudwatch": CLOUDWATCH}
