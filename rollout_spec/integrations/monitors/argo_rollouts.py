"""Payloads of Argo Rollouts' notifications, by the template in ``docs/monitors.md``: aborted rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.alert_fields import (
    SkippedError,
    breach_of_candidate,
    moment_or_now,
    read_each,
    read_names,
)
from rollout_spec.integrations.monitors.alert_values import read_text, read_url
from rollout_spec.integrations.monitors.json_body import read_object
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload

_SOURCE = "argo-rollouts"
_ABORTED = "rollout-aborted"
_PREFIX = "rollout-spec/"
_HINT = "use the notification template in docs/monitors.md"


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach of the candidate if the rollout was aborted."""
    payload = read_object(content, hint=_HINT)
    if not isinstance(payload.get("event"), str) or not isinstance(payload.get("name"), str):
        raise UserError("not a notification of Argo Rollouts: `event` or `name` is missing", hint=_HINT)
    return read_each([payload], lambda notification: _breach(notification, options.now))


def _breach(payload: dict[str, Any], now: datetime | None) -> Breach:
    """Return the breach of a notification. SkippedError if it gives none."""
    if payload["event"] != _ABORTED:
        raise SkippedError("the rollout was not aborted", "not-firing")
    names = read_names(_labels(payload), about="candidate")
    observed_at = moment_or_now(payload.get("abortedAt"), "abortedAt", names, now)
    keys = [payload.get(name) for name in ("namespace", "name", "revision", "podHash")]
    summary = read_text(payload.get("message")) or "Argo Rollouts aborted the rollout"
    evidence = Evidence(summary, url=read_url(payload.get("url")))
    return breach_of_candidate(names, keys, source=_SOURCE, observed_at=observed_at, evidence=evidence)


def _labels(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the names in the labels ``rollout-spec/…`` of the Rollout. An abort is of the candidate."""
    labels = payload.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    names = {name: labels.get(f"{_PREFIX}{name}") for name in ("rollout", "trigger", "workspace")}
    return {**names, "rollout": names["rollout"] or payload["name"]}
