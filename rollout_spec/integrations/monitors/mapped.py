"""Payloads of any JSON form, read by JMESPath expressions: of a preset, of the workspace, or of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.integrations.monitors.alert_fields import (
    SkippedError,
    breach_from,
    moment_or_now,
    read_each,
    read_names,
    resolved_from,
)
from rollout_spec.integrations.monitors.alert_values import digest, read_end, read_text, read_url, read_value
from rollout_spec.integrations.monitors.expressions import Search, Steps, ValueUnknownError, compile_mapping
from rollout_spec.integrations.monitors.json_body import check_count, read_json
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload, ResolvedAlert, SkippedAlert
from rollout_spec.integrations.monitors.presets import PRESETS
from rollout_spec.integrations.monitors.sns import is_confirmation_address, read_message

_FIELDS = {"observed_at": "observedAt"}
"""The names of fields that differ in a workspace."""
_NAMES = ("rollout", "version", "trigger", "workspace")


class _Reader(NamedTuple):
    """The searches of a mapping, their limit, the source of its breaches, and the present time."""

    searches: Mapping[str, Search]
    steps: Steps
    source: str
    now: datetime | None

    def get(self, name: str, alert: Any) -> Any:
        """Return a field of an alert, None if the mapping lacks it or it does not fit."""
        search = self.searches.get(name)
        try:
            return search(alert, self.steps) if search is not None else None
        except ValueUnknownError:
            return None


def parse(content: bytes, headers: Mapping[str, str], options: MonitorOptions) -> Payload:
    """Return a breach for each alert that fires. UserError if an expression is wrong."""
    reader = _Reader(_searches(options), Steps(), options.preset or "json", options.now)
    if options.preset != "cloudwatch":
        return _read(content, reader)
    message = read_message(content)
    if options.topic is not None and message.topic != options.topic:
        raise UserError(f"the message is of the topic {excerpt(message.topic)}, not of {options.topic}")
    if message.kind == "Notification":
        return _read(message.message.encode("utf-8", "replace"), reader)
    if message.kind == "SubscriptionConfirmation":
        if not is_confirmation_address(message.subscribe_url, message.topic):
            raise UserError(f"the address of the confirmation is not of SNS: {excerpt(message.subscribe_url)}")
        return Payload(confirmation=message.subscribe_url)
    return Payload(skipped=[SkippedAlert("the subscription was removed", "not-firing")])


def check_mapping(options: MonitorOptions) -> None:
    """Raise UserError if an expression of a mapping is wrong."""
    _searches(options)


def _searches(options: MonitorOptions) -> dict[str, Search]:
    if options.preset is not None and options.preset not in PRESETS:
        raise UserError(f"no preset `{excerpt(options.preset)}`", hint=did_you_mean(options.preset, PRESETS))
    mapping = {**PRESETS.get(options.preset or "", {}), **options.mapping}
    if "rollout" not in mapping:
        raise UserError("a monitor of `type: json` needs a `preset`, or a `mapping` with `rollout`")
    return compile_mapping({_FIELDS.get(name, name): text for name, text in mapping.items()})


def _read(content: bytes, reader: _Reader) -> Payload:
    return read_each(_alerts(read_json(content), reader), lambda alert: _breach(alert, reader))


def _alerts(payload: Any, reader: _Reader) -> list[Any]:
    """Return the alerts of a payload. UserError if the mapping finds no list."""
    search = reader.searches.get("alerts")
    if search is None:
        return [payload]
    try:
        alerts = search(payload, reader.steps)
    except ValueUnknownError as error:
        raise UserError(f"the payload does not fit the mapping: {error}") from None
    if not isinstance(alerts, list):
        raise UserError("the payload does not fit the mapping: `alerts` finds no list")
    check_count(alerts)
    return alerts


def _breach(alert: Any, reader: _Reader) -> Breach:
    """Return the breach of an alert. SkippedError if it gives none."""
    if not _fires(alert, reader):
        raise SkippedError("it does not fire", "not-firing", _resolved(alert, reader))
    names = read_names(_names(alert, reader), kind="field", about="rollout")
    observed_at = moment_or_now(reader.get("observedAt", alert), "observedAt", names, reader.now)
    identity = _identity(alert, reader)
    return breach_from(
        names,
        source=reader.source,
        identity=identity or digest([*_names(alert, reader).values(), int(observed_at.timestamp())]),
        observed_at=observed_at,
        evidence=Evidence(
            read_text(reader.get("summary", alert)),
            read_value(reader.get("value", alert)),
            read_url(reader.get("url", alert)),
        ),
    )


def _fires(alert: Any, reader: _Reader) -> bool:
    """Return whether an alert fires. SkippedError if its mapping cannot tell."""
    search = reader.searches.get("firing")
    try:
        fires: Any = True if search is None else search(alert, reader.steps)
    except ValueUnknownError as error:
        raise SkippedError(str(error), "unreadable") from None
    if not isinstance(fires, bool):
        raise SkippedError("its field `firing` is neither true nor false", "unreadable")
    return fires


def _names(alert: Any, reader: _Reader) -> dict[str, Any]:
    """Return the names of an alert. A whole number may be a version; `1.10` must be a text."""
    names = {name: reader.get(name, alert) for name in _NAMES}
    return {name: str(value) if type(value) is int else value for name, value in names.items()}


def _identity(alert: Any, reader: _Reader) -> str | None:
    value = reader.get("id", alert)
    return digest(value) if value and isinstance(value, str | int | float) and value is not True else None


def _resolved(alert: Any, reader: _Reader) -> ResolvedAlert | None:
    """Return the alert that ended, None if it did not, or names no rollout. Without a preset, it ended."""
    if "resolved" in reader.searches and reader.get("resolved", alert) is not True:
        return None
    try:
        names = read_names(_names(alert, reader), kind="field", about="rollout")
    except SkippedError:
        return None
    ended_at = read_end(reader.get("observedAt", alert)) if "resolved" in reader.searches else None
    return resolved_from(names, source=reader.source, identity=_identity(alert, reader), ended_at=ended_at)
