"""The workspaces that a request may read the breaches of."""

from __future__ import annotations

from collections.abc import Mapping

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication import RefusedError, Request
from rollout_spec.service.intake import now, settings_of
from rollout_spec.service.workspaces import Served, ServedWorkspace, monitors_of
from rollout_spec.workflows.monitors import authenticate_request, authenticates


def readable_workspaces(headers: Mapping[str, str], served: Served, *, open_to_all: bool) -> list[str]:
    """Return the names of the workspaces of which a request has the token or password of a monitor.

    ``open_to_all``: workspaces with a monitor without ``auth`` are readable, because only this machine can connect.
    """
    request = Request(b"", headers)
    return [
        name
        for name, workspace in served.workspaces.items()
        if any(_admits(workspace, monitor, request, open_to_all=open_to_all) for monitor in monitors_of(workspace))
    ]


def _admits(workspace: ServedWorkspace, monitor: str, request: Request, *, open_to_all: bool) -> bool:
    settings = settings_of(workspace, monitor)
    if not authenticates(settings):
        return open_to_all
    if settings.auth is None or settings.auth.hmac is not None:  # a signature is of a body, and a reader sends none
        return False
    try:
        authenticate_request(settings, request, now())
    except (RefusedError, UserError):
        return False
    return True
