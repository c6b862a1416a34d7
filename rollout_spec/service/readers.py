"""The workspaces that a request may read the breaches of."""

from __future__ import annotations

from collections.abc import Mapping

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.monitors.authentication import RefusedError, Request
from rollout_spec.service.intake import now
from rollout_spec.service.workspaces import Served, monitors_of, settings_of
from rollout_spec.spec.service import MonitorSettings
from rollout_spec.workflows.monitors import authenticate_request, authenticates


def readable_workspaces(headers: Mapping[str, str], served: Served, *, open_to_all: bool) -> list[str]:
    """Return the names of the workspaces of which a request has the token or password of a monitor.

    ``open_to_all``: workspaces with a monitor without ``auth`` are readable, because only this machine can connect.
    UserError with status 3 if there is none, and a secret cannot be read.
    """
    request, names, unusable = Request(b"", headers), list[str](), list[UserError]()
    for name, workspace in served.workspaces.items():
        for monitor in monitors_of(workspace):
            try:
                if _admits(settings_of(workspace, monitor), request, open_to_all=open_to_all):
                    names.append(name)
                    break
            except UserError as error:
                unusable.append(error)
    if not names and unusable:
        raise UserError(f"these credentials cannot be verified: {unusable[0].message}", status=OUTSIDE)
    return names


def _admits(settings: MonitorSettings, request: Request, *, open_to_all: bool) -> bool:
    if not authenticates(settings):
        return open_to_all
    if settings.auth is None or settings.auth.hmac is not None:  # a signature is of a body, and a reader sends none
        return False
    try:
        authenticate_request(settings.model_copy(update={"topic": None}), request, now())
    except RefusedError:
        return False
    return True
