"""Posts of monitors, verified and turned into breaches of the workspaces that trust the monitor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import join_some
from rollout_spec.integrations.monitors import Payload
from rollout_spec.integrations.monitors.authentication import RefusedError, Request
from rollout_spec.service.records import NewBreach, alert_key
from rollout_spec.service.workspaces import Served, ServedWorkspace, settings_of
from rollout_spec.spec.service import MonitorSettings
from rollout_spec.workflows.monitors import authenticate_request, authenticates, parse_request

_MOST_SKIPPED = 20
"""Skipped alerts of one post that are stored; the others are only counted."""


class UnknownMonitorError(UserError):
    """No workspace names this monitor."""


class UnauthorizedError(UserError):
    """The request lacks the evidence that its monitor must give."""


@dataclass(frozen=True)
class Post:
    """The contents of one post.

    ``ended`` are the keys of alerts that ended, each with the time in seconds.
    ``skipped`` are messages about alerts that give no breach. ``confirmation`` is an address to visit.
    """

    breaches: list[NewBreach] = field(default_factory=list)
    ended: list[tuple[str, float]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    confirmation: str | None = None


def trusted_by(
    monitor: str, request: Request, served: Served, now: datetime, *, open_to_all: bool
) -> list[ServedWorkspace]:
    """Return the workspaces that accept the credentials of a request for a monitor.

    ``open_to_all``: a monitor without ``auth`` is trusted, because only this machine can connect. UnknownMonitorError,
    UnauthorizedError, or UserError with status 3 if a secret cannot be read.
    """
    trusting, unusable = list[ServedWorkspace](), list[UserError]()
    for workspace in _naming(monitor, served):
        settings = settings_of(workspace, monitor)
        if not authenticates(settings) and not open_to_all:
            continue
        try:
            authenticate_request(settings, request, now)
        except RefusedError:
            continue
        except UserError as error:
            unusable.append(error)
            continue
        trusting.append(workspace)
    if not trusting and unusable:
        raise UserError(f"the monitor `{monitor}` cannot be verified: {unusable[0].message}", status=OUTSIDE)
    if not trusting:
        raise UnauthorizedError(f"this request has not the credentials of the monitor `{monitor}`")
    return trusting


def _naming(monitor: str, served: Served) -> list[ServedWorkspace]:
    """Return the workspaces that name a monitor. UnknownMonitorError if there are none."""
    workspaces = served.by_monitor(monitor)
    if not workspaces:
        raise UnknownMonitorError(f"no workspace names a monitor `{monitor[:80]}` in `service.monitors`")
    return workspaces


def check_credentials(monitor: str, headers: Mapping[str, str], served: Served, now: datetime) -> None:
    """Raise UnauthorizedError if a request cannot be trusted, whatever its body is.

    UnknownMonitorError too. Only tokens and passwords are verified: a signature is of the body.
    """
    for workspace in _naming(monitor, served):
        settings = settings_of(workspace, monitor)
        if settings.auth is None or settings.auth.hmac is not None:
            return
        try:
            authenticate_request(settings.model_copy(update={"topic": None}), Request(b"", headers), now)
        except RefusedError:
            continue
        except UserError:
            return
        return
    raise UnauthorizedError(f"this request has not the credentials of the monitor `{monitor}`")


def read_post(monitor: str, request: Request, trusting: list[ServedWorkspace], now: datetime, *, dry_run: bool) -> Post:
    """Return the contents of a verified post. UserError if no workspace can read it.

    Each workspace reads it by its own settings, so that no mapping of another one can hide its breaches.
    """
    readings, errors = _readings(monitor, request, trusting, now)
    post = Post(confirmation=next((payload.confirmation for payload, _ in readings if payload.confirmation), None))
    names = {each.name: each for each in trusting}
    for payload, readers in readings:
        for breach in payload.breaches:
            if breach.workspace in readers or breach.workspace not in names:
                post.breaches.append(_new_breach(breach, monitor, names, readers[0], dry_run=dry_run))
        post.breaches.extend(_refused(payload, monitor, readers[0], dry_run=dry_run))
        post.ended.extend(_ended(payload, readers, now))
        post.skipped.extend(alert.message for alert in payload.skipped)
    for name, error in errors.items():
        post.breaches.append(NewBreach(name, monitor, None, dry_run, refusal=error.message))
    return post


def _readings(
    monitor: str, request: Request, trusting: list[ServedWorkspace], now: datetime
) -> tuple[list[tuple[Payload, list[str]]], dict[str, UserError]]:
    """Return the payloads of a post with their readers, and the errors of the others.

    Readers are the names of workspaces with equal settings. UserError if no workspace can read it.
    """
    readers: list[tuple[MonitorSettings, list[str]]] = []
    for workspace in trusting:
        settings = settings_of(workspace, monitor)
        names = next((names for other, names in readers if other == settings), None)
        if names is None:
            readers.append((settings, [workspace.name]))
        else:
            names.append(workspace.name)
    payloads, errors = list[tuple[Payload, list[str]]](), dict[str, UserError]()
    for settings, names in readers:
        try:
            payloads.append((parse_request(settings, request, now), names))
        except UserError as error:
            errors |= dict.fromkeys(names, error)
    if not payloads:
        raise next(iter(errors.values()))
    return payloads, errors


def _ended(payload: Payload, names: list[str], now: datetime) -> Iterator[tuple[str, float]]:
    """Yield the keys of alerts that ended, each with its time."""
    for alert in payload.resolved:
        if alert.id is not None:
            moment = (alert.ended_at or now).timestamp()
            yield from ((alert_key(name, alert.id), moment) for name in names if alert.workspace in (None, name))


def _new_breach(
    breach: Breach, monitor: str, trusting: dict[str, ServedWorkspace], reader: str, *, dry_run: bool
) -> NewBreach:
    """Return a breach for its workspace: the named one, or the only one that trusts the monitor.

    If there is none, it is stored as refused for ``reader``.
    """
    name = breach.workspace or (next(iter(trusting)) if len(trusting) == 1 else None)
    if name not in trusting:
        why = (
            f"no workspace {name} trusts the monitor {monitor} with these credentials"
            if name
            else f"the alert names no workspace, but {join_some(list(trusting), 8)} trust this monitor"
        )
        return NewBreach(reader, monitor, breach, dry_run, refusal=why)
    settle = trusting[name].settings.spec.automation.shared_cause.settle
    return NewBreach(name, monitor, breach, dry_run, delay=settle.total_seconds())


def _refused(payload: Payload, monitor: str, workspace: str, *, dry_run: bool) -> Iterator[NewBreach]:
    """Yield a record of each alert that may be a breach but cannot be answered."""
    skipped = [alert for alert in payload.skipped if alert.reason != "not-firing"]
    for alert in skipped[:_MOST_SKIPPED]:
        yield NewBreach(workspace, monitor, None, dry_run, refusal=alert.message)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)
