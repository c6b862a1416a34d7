"""Each step of a rollout edits one file, and what is rendered from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.units import NAME
from rollout_spec.core.yaml.entries import CannotEdit
from rollout_spec.core.yaml.scalars import excerpt
from rollout_spec.lifecycle.bootstrap import ROUTE, new_rollout, targets_at
from rollout_spec.lifecycle.live_changes import STEPS
from rollout_spec.lifecycle.step_result import REFUSED, Request, StepResult
from rollout_spec.render.drift import compared
from rollout_spec.render.renderer import RenderError, render
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.validation_errors import did_you_mean
from rollout_spec.workspace.edits import with_live, with_record
from rollout_spec.workspace.repository import File, Repository

_MOST_ASKED = 50
"""So many rollouts are asked for the gateway that a new one shares with them."""


def apply_step(repository: Repository, request: Request) -> StepResult:
    """Take a step, without its manifests.

    UserError with status 2 where a rollout, version, stage or incident is unknown, 1 where the step cannot be taken.
    """
    if request.step == "bootstrap":
        return _bootstrap(repository, request)
    file = _rollout(repository, request.rollout)
    rollout = file.model
    assert rollout is not None
    try:
        if request.step == "record":
            content, version = _record(file, rollout, request), str(request.version)
        else:
            live = STEPS[request.step](rollout, repository, request)
            content = with_live(file.content, live)
            version = request.version or live.candidate or str(rollout.spec.live.candidate)
    except CannotEdit as error:
        raise UserError(f"{file.path}: {error.message}", hint=error.hint) from None
    return _step(request.step, version, file.path, rollout, content, repository)


def rendered(step: StepResult, repository: Repository) -> StepResult:
    """Add the manifests that change with a step. UserError where they cannot be rendered."""
    after = repository.edited(step.edits)
    try:
        manifests = render(step.after, after)
    except RenderError as error:
        raise UserError(f"{step.path} cannot be rendered: {error.message}", hint=error.hint, status=REFUSED) from None
    found = {each.path: each.wanted for each in compared(step.rollout, manifests, after)}
    return replace(step, edits={**step.edits, **found})


def _step(
    name: str, version: str, path: str, before: ModelRollout | None, content: bytes, repository: Repository
) -> StepResult:
    edits = {path: content}
    file = repository.edited(edits).file(path, "ModelRollout")
    if file is None or file.model is None:
        said = file.problems[0] if file and file.problems else None
        words = f": {'.'.join(map(str, said.path))}: {said.message}" if said else ""
        raise UserError(f"{path} would not load{words}", hint=said.hint if said else None)
    return StepResult(name, file.stem, version, path, before, file.model, edits)


def _rollout(repository: Repository, name: str) -> File[ModelRollout]:
    file = repository.rollout(name) if re.fullmatch(NAME, name) else None  # a path leads elsewhere
    if file is None:
        raise UserError(
            f"there is no rollout `{excerpt(name)}` here", hint=did_you_mean(name, repository.names("rollouts"))
        )
    if file.model is None:
        raise UserError(f"{file.path} does not load", hint=f"`rollout-spec check {file.path}` says why")
    return file


def _bootstrap(repository: Repository, request: Request) -> StepResult:
    name, version = request.rollout, str(request.version)
    path = f"rollouts/{name}.yaml"
    if repository.rollout(name) is not None:
        raise UserError(
            f"{path} is there already", hint=f"`rollout-spec record {name} VERSION` adds a version", status=REFUSED
        )
    like = request.settings.get("like")
    example = _rollout(repository, like).document.data if like else None
    settings = dict(request.settings)
    if not like and not settings.get("targets"):
        settings["targets"] = targets_at(_gateway(name, settings.get("namespace"), repository))
    content = new_rollout(name, version, request.record, settings, example).encode()
    return _step("bootstrap", version, path, None, content, repository)


def _gateway(name: str, namespace: str | None, repository: Repository) -> Mapping[str, Any]:
    """Return the gateway that the rollouts here share. UserError if there is none, or more than one.

    One that names no namespace is in that of its rollout.
    """
    files = (repository.rollout(each) for each in repository.names("rollouts")[:_MOST_ASKED])
    known: list[Any] = []
    for rollout in (file.model for file in files if file and file.model):
        gateways = (target.options.get("gateway") for target in rollout.spec.targets if target.type == ROUTE)
        there = (
            {} if rollout.metadata.namespace == namespace else {"namespace": rollout.metadata.namespace or "default"}
        )
        known += [{**there, **each} if isinstance(each, Mapping) else each for each in gateways]
    if not known or not isinstance(known[0], Mapping) or any(each != known[0] for each in known):
        why = "the rollouts here have several gateways" if known else "no rollout here has a gateway"
        hint = (
            f"--target kserve --target '{{type: {ROUTE}, gateway: {{name: …}}}}' --target prometheus, or --like ROLLOUT"
        )
        raise UserError(f"nothing says which gateway splits the traffic of {name}: {why}", hint=hint)
    return known[0]


def _record(file: File[ModelRollout], rollout: ModelRollout, request: Request) -> bytes:
    version = str(request.version)
    if version in rollout.spec.versions:
        raise UserError(
            f"{request.rollout} {version} is recorded already, and a record never changes",
            hint="record it as another version",
            status=REFUSED,
        )
    return with_record(file.content, version, request.record)
