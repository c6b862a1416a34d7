"""The check of the registry: it answers, and has what a rollback would restore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.spec.registry import Registry
from rollout_spec.workflows.doctor.result import DoctorResult, ended, failed, ok, warning
from rollout_spec.workflows.registry import AccessOptions, open_registry
from rollout_spec.workflows.registry_verify import VerifyOptions, verify
from rollout_spec.workspace.repository import Repository

_MOST_SHOWN = 10
_SEE = "run `rollout-spec registry verify`"


def registry(settings: Registry | None, repository: Repository, root: Path) -> Iterator[DoctorResult]:
    """Check the registry of a workspace; nothing without one. Artifacts are listed, and not read."""
    if settings is None:
        return
    try:
        with open_registry(settings, AccessOptions(root)) as access:
            result = verify((), repository, access, VerifyOptions(only_list=True))
    except UserError as error:
        yield ended("registry", error)
        return
    errors = [each for each in result.findings if each.severity == "error"]
    for each in errors[:_MOST_SHOWN]:
        yield failed("registry", f"{each.file}:{each.line}: {each.message}", each.hint)
    if len(errors) > _MOST_SHOWN:
        yield failed("registry", f"{len(errors) - _MOST_SHOWN:,} more versions differ from the registry", _SEE)
    if result.failure is not None:
        yield ended("registry", result.failure)
        return
    warnings = len(result.findings) - len(errors)
    if warnings:
        yield warning("registry", f"{warnings:,} {'thing' if warnings == 1 else 'things'} cannot be confirmed", _SEE)
    if not result.findings:
        count = len(result.artifacts)
        yield ok("registry", f"it has the versions that are needed; {count:,} artifacts exist")
