"""The steps of a rollout. Each edits the rollout's file and the manifests that are rendered from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.lifecycle.bootstrap import ROUTE, new_rollout, targets_at
from rollout_spec.lifecycle.live_changes import STEPS
from rollout_spec.lifecycle.step_result import REFUSED, Request, StepResult
from rollout_spec.render.drift import compare_manifests
from rollout_spec.render.renderer import RenderError, render
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.edits import with_live, with_record
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

_MOST_READ = 50
"""The number of rollouts that are read to find the gateway for a new one."""


def apply_step(repository: Repository, request: Request) -> StepResult:
    """Return the result of a step, without its manifests.

    UserError with status 2 if a rollout, version, stage or incident is unknown, 1 if the step is refused.
    """
    if request.step == "bootstrap":
        return _bootstrap(repository, request)
    file = repository.require_rollout(request.rollout)
    rollout = file.model
    assert rollout is not None
    try:
        if request.step == "record":
            content, version = _record(file, rollout, request), str(request.version)
        else:
            live = STEPS[request.step](rollout, repository, request)
            content = with_live(file.content, live)
            version = request.version or live.candidate or str(rollout.spec.live.candidate)
    except CannotEditError as error:
        raise UserError(f"{file.path}: {error.message}", hint=error.hint) from None
    return _step(request.step, version, file.path, rollout, content, repository)


def rendered(step: StepResult, repository: Repository) -> StepResult:
    """Add the manifests that change with a step. UserError if they cannot be rendered."""
    after = repository.edited(step.edits)
    try:
        manifests = render(step.after, after)
    except RenderError as error:
        raise UserError(f"{step.path} cannot be rendered: {error.message}", hint=error.hint, status=REFUSED) from None
    changed = {manifest.path: manifest.wanted for manifest in compare_manifests(step.rollout, manifests, after)}
    return replace(step, edits={**step.edits, **changed})


def _step(
    name: str, version: str, path: str, before: ModelRollout | None, content: bytes, repository: Repository
) -> StepResult:
    edits = {path: content}
    file = repository.edited(edits).file(path, "ModelRollout")
    if file is None or file.model is None:
        problem = file.problems[0] if file and file.problems else None
        reason = f": {'.'.join(map(str, problem.path))}: {problem.message}" if problem else ""
        raise UserError(f"{path} would not load{reason}", hint=problem.hint if problem else None)
    return StepResult(name, file.stem, version, path, before, file.model, edits)


def _bootstrap(repository: Repository, request: Request) -> StepResult:
    name, version = request.rollout, str(request.version)
    path = f"rollouts/{name}.yaml"
    if repository.rollout(name) is not None:
        raise UserError(
            f"{path} exists already", hint=f"add a version with `rollout-spec record {name} VERSION`", status=REFUSED
        )
    like = request.settings.get("like")
    example = repository.require_rollout(like).document.data if like else None
    settings = dict(request.settings)
    if not like and not settings.get("targets"):
        settings["targets"] = targets_at(_gateway(name, settings.get("namespace"), repository))
    content = new_rollout(name, version, request.record, settings, example).encode()
    return _step("bootstrap", version, path, None, content, repository)


def _gateway(name: str, namespace: str | None, repository: Repository) -> Mapping[str, Any]:
    """Return the gateway that all rollouts share. UserError if there is none, or more than one.

    A gateway without a namespace is in the namespace of its rollout.
    """
    files = (repository.rollout(other) for other in repository.names("rollouts")[:_MOST_READ])
    gateways: list[Any] = []
    for rollout in (file.model for file in files if file and file.model):
        own = rollout.metadata.namespace
        default = {} if own == namespace else {"namespace": own or "default"}
        options = (target.options.get("gateway") for target in rollout.spec.targets if target.type == ROUTE)
        gateways += [{**default, **option} if isinstance(option, Mapping) else option for option in options]
    first = gateways[0] if gateways else None
    if not isinstance(first, Mapping) or any(gateway != first for gateway in gateways):
        reason = "the rollouts here have several gateways" if gateways else "no rollout here has a gateway"
        hint = (
            f"use --target kserve --target '{{type: {ROUTE}, gateway: {{name: …}}}}' --target prometheus-operator, "
            "or --like ROLLOUT"
        )
        raise UserError(f"no gateway is known to split the traffic of {name}: {reason}", hint=hint)
    return first


def _record(file: File[ModelRollout], rollout: ModelRollout, request: Request) -> bytes:
    version = str(request.version)
    if version in rollout.spec.versions:
        raise UserError(
            f"{request.rollout} {version} is recorded already, and a record never changes",
            hint="choose another version",
            status=REFUSED,
        )
    return with_record(file.content, version, request.record)
