"""The rollback targets of drilled rollouts, in the registry and the stores of their artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rollout_spec.core.findings import Finding
from rollout_spec.workflows.drill.outcomes import DrillOutcome
from rollout_spec.workflows.drill.workspace import WorkspaceDrill
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.registry import RegistryAccess, of_command_line, open_registry
from rollout_spec.workflows.registry_verify import VerifyOptions, verify
from rollout_spec.workspace.repository import Repository

_STATE = "registry"


def with_artifacts(result: WorkspaceDrill, here: WorkspaceLocation) -> WorkspaceDrill:
    """Add a failed outcome for each version that a rollback would restore in vain.

    UserError with status 3 if the registry or a store does not answer: then nothing is verified.
    """
    repository = Repository(result.tree)
    settings = repository.settings
    with open_registry(settings.registry if settings else None, of_command_line(here.workspace)) as access:
        drills = [[*each, *_failures(each[0].rollout, repository, access)] for each in result.drills]
    return replace(result, drills=drills)


def _failures(name: str, repository: Repository, access: RegistryAccess) -> Iterator[DrillOutcome]:
    file = repository.rollout(name)
    if file is None or file.model is None:  # the drill has failed
        return
    live = file.model.spec.live
    verified = verify([name], repository, access, VerifyOptions())
    if verified.failure is not None:
        raise verified.failure
    for target in (live.stable, *live.known_good):
        errors = [each for each in verified.findings if each.severity == "error" and each.path[2:3] == (target,)]
        if errors:
            failed = live.candidate if target == live.stable else live.stable
            yield DrillOutcome(name, _STATE, True, failed, target, "failed", _reason(target, errors), tuple(errors))


def _reason(target: str, errors: list[Finding]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"to {target} would restore what is not there: {errors[0].message} [{errors[0].name}]{more}"
