"""The steps of a rollout. Each edits the rollout's file and the manifests that are rendered from it."""

from __future__ import annotations

from dataclasses import replace

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.lifecycle.bootstrap import new_rollout
from rollout_spec.lifecycle.default_targets import default_profile, default_targets
from rollout_spec.lifecycle.live_changes import STEPS
from rollout_spec.lifecycle.options import option_of
from rollout_spec.lifecycle.step_result import REFUSED, Request, StepResult
from rollout_spec.render.drift import compare_manifests
from rollout_spec.render.outputs import is_rendered
from rollout_spec.render.renderer import RenderError, render
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.edits import with_live, with_record
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

_SHOWN = 3


class ForeignFileError(UserError):
    """A file of somebody stands where a new rollout would be rendered."""


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
    """Add the manifests that change with a step.

    UserError if they cannot be rendered; ForeignFileError if a new rollout would overwrite a file of somebody.
    """
    after = repository.edited(step.edits)
    try:
        manifests = render(step.after, after)
    except RenderError as error:
        raise UserError(f"{step.path} cannot be rendered: {error.message}", hint=error.hint, status=REFUSED) from None
    drifts = list(compare_manifests(step.rollout, manifests, after))
    foreign = [each.path for each in drifts if each.committed is not None and not is_rendered(each.committed)]
    if foreign and step.before is None:
        verb = "exists" if len(foreign) == 1 else "exist"
        raise ForeignFileError(
            f"{join_some(foreign, _SHOWN)} {verb} already, and rollout-spec did not render it",
            hint=f"move it to another folder first: {step.rollout} is rendered there",
            status=REFUSED,
        )
    return replace(step, edits={**step.edits, **{each.path: each.wanted for each in drifts}})


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
        targets = default_targets(settings.get("namespace"), repository)
        if isinstance(targets, str):
            raise UserError(f"the targets of {name} are not known: {targets}", hint="use --target, or --like ROLLOUT")
        settings["targets"] = targets
    if not like and settings.get("metrics") is None:
        settings["metrics"] = default_profile(repository)
    content = new_rollout(name, version, request.record, settings, example).encode()
    _require_loaded(path, content, repository)
    return _step("bootstrap", version, path, None, content, repository)


def _require_loaded(path: str, content: bytes, repository: Repository) -> None:
    """Raise UserError with every option of a new rollout whose value is wrong."""
    file = repository.edited({path: content}).file(path, "ModelRollout")
    problems = [each for each in file.problems if each.severity == "error"] if file and file.model is None else []
    if problems:
        messages = [f"{option_of(each.path)}: {each.message}" for each in problems]
        raise UserError("\n".join(messages), hint=problems[0].hint if len(problems) == 1 else None)


def _record(file: File[ModelRollout], rollout: ModelRollout, request: Request) -> bytes:
    version = str(request.version)
    if version in rollout.spec.versions:
        raise UserError(
            f"{request.rollout} {version} is recorded already, and a record never changes",
            hint="choose another version",
            status=REFUSED,
        )
    return with_record(file.content, version, request.record)
