"""Payloads of Argo Rollouts' notifications, by the template in ``docs/monitors.md``: aborted rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollout_spec.core.breach import Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.alert_fields import (
    SkippedError,
    breach_from,
    digest,
    moment_or_now,
    read_names,
    read_text,
    read_url,
)
from rollout_spec.integrations.monitors.json_body import read_object
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload

_SOURCE = "argo-rollouts"
_ABORTED = "rollout-aborted"
_PREFIX = "rollout-spec/"
_HINT = "use the notification template in docs/monitors.md"
_REPEATS = 600
"""Seconds in which a second notification of the same pods is a repeated one."""


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach of the candidate if the rollout was aborted."""
    payload = read_object(content, hint=_HINT)
    if not isinstance(payload.get("event"), str) or not isinstance(payload.get("name"), str):
        raise UserError("not a notification of Argo Rollouts: `event` or `name` is missing", hint=_HINT)
    result = Payload()
    try:
        _read(payload, options, result)
    except SkippedError as error:
        result.skipped.append(error.alert(1))
    return result


def _read(payload: dict[str, Any], options: MonitorOptions, result: Payload) -> None:
    """Add the breach of a notification. SkippedError if it gives none."""
    if payload["event"] != _ABORTED:
        raise SkippedError("the rollout was not aborted", "not-firing")
    names = read_names(_labels(payload), about="candidate")
    observed_at = moment_or_now(payload.get("abortedAt"), "abortedAt", names, options.now)
    keys = [payload.get(name) for name in ("namespace", "name", "revision", "podHash")]
    result.breaches.append(
        breach_from(
            names,
            source=_SOURCE,
            identity=f"{digest(keys)}-{int(observed_at.timestamp()) // _REPEATS}",
            observed_at=observed_at,
            evidence=Evidence(
                read_text(payload.get("message")) or "Argo Rollouts aborted the rollout",
                url=read_url(payload.get("url")),
            ),
        )
    )


def _labels(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the names in the labels ``rollout-spec/…`` of the Rollout. An abort is of the candidate."""
    labels = payload.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    names = {name: labels.get(f"{_PREFIX}{name}") for name in ("rollout", "trigger", "workspace")}
    return {**names, "rollout": names["rollout"] or payload["name"]}
