"""Requests of the monitors that a workspace names: verified with its secrets, and parsed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.integrations.monitors import MONITORS, MonitorOptions, Payload, parse
from rollout_spec.integrations.monitors.presets import PRESETS
from rollout_spec.workflows.secrets import read_available

if TYPE_CHECKING:
    from rollout_spec.integrations.monitors.authentication import Auth, Request
    from rollout_spec.spec.secret import SecretPlace
    from rollout_spec.spec.service import MonitorSettings

_STYLES = {"grafana": "grafana", "pagerduty": "pagerduty"}
_DEFAULT_STYLE = "github"


class UnknownMonitorError(UserError):
    """A name that is neither a monitor of the workspace nor a type of monitor."""


def authenticates(settings: MonitorSettings) -> bool:
    """Return whether the requests of a monitor carry evidence. Without it, only loopback may be trusted."""
    return settings.auth is not None or settings.topic is not None


def authenticate_request(settings: MonitorSettings, request: Request, now: datetime) -> None:
    """Raise RefusedError if a request lacks a piece of evidence that its monitor must give.

    UserError if a secret that it may have used cannot be read, or the service of a certificate failed.
    """
    from rollout_spec.integrations.monitors.authentication import RefusedError, SnsAuth, authenticate

    auth, unreadable = _auth_of(settings)
    if auth is not None:
        try:
            authenticate(request, auth, now)
        except RefusedError:
            if unreadable is not None:
                raise unreadable from None
            raise
    if settings.topic is not None:
        authenticate(request, SnsAuth(settings.topic), now)


def parse_request(settings: MonitorSettings, request: Request, now: datetime) -> Payload:
    """Return the payload of a request that was authenticated. UserError if it is invalid."""
    return parse(request.content, settings.type, request.headers, options_of(settings, now))


def options_of(settings: MonitorSettings, now: datetime | None = None) -> MonitorOptions:
    """Return the settings of a monitor that its parser needs."""
    mapping = settings.mapping.model_dump(exclude_none=True) if settings.mapping is not None else {}
    return MonitorOptions(settings.preset, mapping, settings.topic, now)


def check_monitor(name: str, settings: MonitorSettings) -> None:
    """Raise UserError if an expression of a monitor is wrong, or its package is not installed."""
    if settings.type != "json":
        return
    from rollout_spec.integrations.monitors.mapped import check_mapping

    try:
        check_mapping(options_of(settings))
    except UserError as error:
        raise UserError(f"monitor {name}: {error.message}", hint=error.hint) from None


def parse_file(content: bytes, name: str | None, monitors: Mapping[str, MonitorSettings], now: datetime) -> Payload:
    """Return the payload in a file.

    ``name`` is a monitor of the workspace or a type; None stands for Alertmanager.
    """
    if name is None:
        return parse(content)
    if name in monitors:
        return parse(content, monitors[name].type, options=options_of(monitors[name], now))
    if name in MONITORS:
        return parse(content, name, options=MonitorOptions(now=now))
    hint = did_you_mean(name, [*monitors, *MONITORS])
    if name in PRESETS:
        hint = (
            f"declare it in .rollout-spec.yaml: `service: {{monitors: {{{name}: {{type: json, preset: {name}, …}}}}}}`"
        )
    raise UnknownMonitorError(f"no monitor `{excerpt(name)}`", hint=hint)


def unreadable_secret(settings: MonitorSettings) -> UserError | None:
    """Return why a secret of a monitor cannot be read, None if all can."""
    return _auth_of(settings)[1]


def secrets_of(settings: MonitorSettings) -> tuple[str, ...]:
    """Return the secrets of a monitor that can be read."""
    return read_available(_places(settings))[0]


def _places(settings: MonitorSettings) -> list[SecretPlace]:
    auth = settings.auth
    if auth is None:
        return []
    return auth.bearer or auth.hmac or (auth.basic.password if auth.basic else [])


def _auth_of(settings: MonitorSettings) -> tuple[Auth | None, UserError | None]:
    """Return the evidence that a monitor must give, and the error of an unreadable secret.

    While a secret is rotated, one of two files may be missing: the other one counts.
    """
    from rollout_spec.integrations.monitors import authentication as kinds

    auth = settings.auth
    if auth is None:
        return None, None
    secrets, unreadable = read_available(_places(settings))
    if auth.bearer is not None:
        return kinds.BearerAuth(secrets), unreadable
    if auth.basic is not None:
        for secret in secrets:
            redaction.learn_basic(auth.basic.user, secret)
        return kinds.BasicAuth(auth.basic.user, secrets), unreadable
    style = auth.style or _STYLES.get(settings.preset or settings.type, _DEFAULT_STYLE)
    return kinds.HmacAuth(secrets, style), unreadable
