"""Imports that the first breach would otherwise wait for: about half a second."""

from __future__ import annotations

import logging
from importlib import import_module

from rollout_spec.core.errors import UserError
from rollout_spec.integrations import forges
from rollout_spec.service.workspaces import Served

_log = logging.getLogger(__name__)
_MODULES = (
    "cel_expr_python.cel",
    "rollout_spec.checks.policies.bindings",
    "rollout_spec.checks.policies.cel",
    "rollout_spec.checks.policies.cel_values",
    "rollout_spec.integrations.monitors.authentication",
    "rollout_spec.render.filling",
    "rollout_spec.render.sandbox",
    "rollout_spec.spec.policy_pack",
)
"""Modules that others import only if they use them."""


def warm_up(served: Served) -> None:
    """Import the modules that answers for these workspaces need.

    No remote and no forge is contacted. A failure is only logged.
    """
    settings = (each.settings.spec.forge for each in served.workspaces.values())
    try:
        for kind in sorted({each.type for each in settings if each is not None}):
            forges.load(kind)
        for name in _MODULES:
            import_module(name)
    except (UserError, ImportError) as error:
        _log.warning("not all modules are loaded: %s", error)
