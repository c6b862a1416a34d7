"""The check of the service: its monitors and recipients, with the secrets of this machine."""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.spec.secret import SecretPlace
from rollout_spec.spec.service import EmailNotification, MonitorSettings, ServiceSettings
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, warning
from rollout_spec.workflows.monitors import authenticates, check_monitor
from rollout_spec.workflows.notify import recipient, recipients
from rollout_spec.workflows.secrets import read_secret

_HERE = "run doctor where the service runs, with its environment"


def service(settings: ServiceSettings | None) -> Iterator[DoctorResult]:
    """Check the settings of the service.

    A secret that this machine lacks is a warning: the service may run elsewhere.
    """
    if settings is None:
        return
    problems = [*_monitors(settings), *_recipients(settings)]
    yield from problems
    if not settings.monitors and settings.reconcile is not None:
        yield ok("service", "it judges the rollouts in flight, and accepts no breach of a monitor")
    elif not settings.monitors:
        hint = "add `alertmanager: {type: alertmanager, auth: {bearer: {env: NAME}}}` to `service.monitors`"
        yield failed("service", "the workspace names no monitor: the service would not start", hint)
    elif not problems:
        people = f", and notifies {join_some(recipients(settings), 8)}" if settings.notify else ""
        yield ok("service", f"it accepts {join_some(list(settings.monitors), 8)}{people}")


def _monitors(settings: ServiceSettings) -> Iterator[DoctorResult]:
    for name, monitor in settings.monitors.items():
        try:
            check_monitor(name, monitor)
        except UserError as error:
            yield failed("service", error.message, error.hint)
        if not authenticates(monitor):
            message = f"the monitor {name} has no `auth`: the service starts only on 127.0.0.1"
            yield warning("service", message, "add `auth: {bearer: {env: NAME}}` to it")
        for place in _places(monitor):
            try:
                read_secret(place)
            except UserError as error:
                yield warning("service", f"the monitor {name}: {error.message}", _HERE)


def _places(monitor: MonitorSettings) -> list[SecretPlace]:
    auth = monitor.auth
    if auth is None:
        return []
    return [*(auth.bearer or ()), *(auth.hmac or ()), *(auth.basic.password if auth.basic else ())]


def _recipients(settings: ServiceSettings) -> Iterator[DoctorResult]:
    for name, target in zip(recipients(settings), settings.notify, strict=True):
        try:
            recipient(settings, name)
        except UserError as error:
            yield warning("service", f"the recipient {name}: {error.message}", _HERE)
        if isinstance(target, EmailNotification) and not target.server.rpartition(":")[2].isdigit():
            yield failed("service", f"the recipient {name} has no port", f"write `{target.server}:587`")
