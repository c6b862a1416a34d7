"""The check of the Python packages that a workspace needs: those of its forge and of its service."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from rollout_spec.spec.workspace import WorkspaceSpec
from rollout_spec.workflows.doctor.result import DoctorResult, failed, warning

_MODULES = {
    "github": ("github",),
    "gitlab": ("gitlab", "requests"),
    "gitea": ("requests",),
    "serve": ("fastapi", "uvicorn", "sqlalchemy", "prometheus_client", "cryptography", "jmespath"),
}
"""The modules of each extra."""


def extras(settings: WorkspaceSpec) -> Iterator[DoctorResult]:
    """Yield the extras for the forge and the service that are not installed.

    A missing extra of the service is a warning: the service may run elsewhere.
    """
    forge = settings.forge.type if settings.forge is not None else ""
    needed = [name for name in (forge, "serve" if settings.service is not None else "") if name in _MODULES]
    missing = {name: modules for name in needed if (modules := _missing(name))}
    for name, modules in missing.items():
        purpose = "the service needs" if name == "serve" else f"pull requests on {name} need"
        message = f"{purpose} {', '.join(f'`{module}`' for module in modules)}, which Python does not find here"
        hint = f"pip install 'rollout-spec[{name}]'"
        yield warning("extras", message, hint) if name == "serve" else failed("extras", message, hint)


def _missing(extra: str) -> list[str]:
    return [module for module in _MODULES[extra] if find_spec(module) is None]
