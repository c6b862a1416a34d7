"""Payloads of Flagger: its webhooks, and its alerts in Slack's form.

The webhooks are of type ``post-rollout`` and ``event``.

Source: https://docs.flagger.app/usage/webhooks and https://docs.flagger.app/usage/alerting
"""

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

_SOURCE = "flagger"
_FAILED = "Failed"
_EVENT = "Canary failed!"
"""The first words of the event that follows a rollback. Later events of a failed canary have its phase too."""
_HINT = "use a webhook of type `post-rollout` or `event`, or an alert provider of type `slack`"


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach of the candidate if Flagger rolled a canary back."""
    payload = read_object(content, hint=_HINT)
    attachments = payload.get("attachments")
    if isinstance(attachments, list) and attachments and isinstance(attachments[0], dict):
        payload = _from_slack(attachments[0])
    if not isinstance(payload.get("name"), str) or not isinstance(payload.get("phase"), str):
        raise UserError("not a payload of Flagger: `name` or `phase` is missing", hint=_HINT)
    return read_each([payload], lambda message: _breach(message, options.now))


def _from_slack(attachment: dict[str, Any]) -> dict[str, Any]:
    """Return an alert in the form of a webhook. An error means that the canary is rolled back."""
    author, text = read_text(attachment.get("author_name")), read_text(attachment.get("text"))
    name, _, namespace = author.rpartition(".")
    phase = _FAILED if attachment.get("color") == "danger" else "Progressing"
    return {"name": name, "namespace": namespace, "phase": phase, "metadata": {"summary": text}}


def _breach(payload: dict[str, Any], now: datetime | None) -> Breach:
    """Return the breach of a message. SkippedError if it gives none."""
    metadata = payload.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    message = read_text(metadata.get("eventMessage"))
    if payload["phase"] != _FAILED:
        raise SkippedError("the canary has not failed", "not-firing")
    if "eventType" in metadata and not message.startswith(_EVENT):
        raise SkippedError("this event of a failed canary is not its failure", "not-firing")
    names = read_names({"rollout": payload["name"], **metadata}, kind="metadata", about="candidate")
    observed_at = moment_or_now(metadata.get("timestamp"), "timestamp", names, now)
    keys = [payload.get("namespace"), payload["name"], payload.get("checksum")]
    summary = read_text(metadata.get("summary")) or message or "Flagger rolled the canary back"
    evidence = Evidence(summary, url=read_url(metadata.get("url")))
    return breach_of_candidate(names, keys, source=_SOURCE, observed_at=observed_at, evidence=evidence)
