"""The resolution of an incident: the edit of its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.domain.incident_files import file_at
from rollout_spec.domain.incident_records import IncidentRecord, incident_paths, quarantine_of, record_of
from rollout_spec.domain.incident_resolution import COMMAND, Verdict, explains_another, flags_for, missing_keys
from rollout_spec.lifecycle.step_result import REFUSED
from rollout_spec.render.drift import compare_manifests
from rollout_spec.render.renderer import RenderError, render
from rollout_spec.spec.incident import IncidentSpec, Reproduced
from rollout_spec.workspace.edits import with_resolution
from rollout_spec.workspace.repository import Repository

_LISTED = f"`{COMMAND} list --all` lists the incidents"


@dataclass(frozen=True)
class ResolveRequest:
    """The end of an incident, as a person states it. Texts that are None are taken from the file."""

    incident: str
    verdict: Verdict
    reproduced: Reproduced | None = None
    not_reproduced: str | None = None
    root_cause: str | None = None
    resolution: str | None = None


@dataclass(frozen=True)
class ResolvedIncident:
    """An incident with its resolution. ``effect`` is a sentence about the quarantine afterwards."""

    name: str
    path: str
    spec: IncidentSpec
    effect: str
    reviewers: tuple[str, ...]
    edits: Mapping[str, bytes | None]

    @property
    def subject(self) -> str:
        """The subject of the commit."""
        return f"Resolve {self.name} as {self.spec.verdict}"


def resolve(repository: Repository, request: ResolveRequest) -> ResolvedIncident:
    """Return an incident with its resolution.

    UserError with status 2 if it is unknown, cannot be read, or lacks a key; 1 if it is resolved already.
    """
    record = require_incident(repository, request.incident)
    assert record.incident is not None
    before = record.incident.spec
    _refuse_resolved(record, before, request.verdict)
    fields = _fields(request, before)
    after = before.model_copy(update={"verdict": request.verdict, **_texts(request, before)})
    missing = missing_keys(after, request.verdict)
    if missing:
        names, verb = ", ".join(f"`{key}`" for key in missing), "is" if len(missing) == 1 else "are"
        message = f"{record.name} cannot be resolved as {request.verdict}: {names} {verb} missing"
        if explains_another(before, request.verdict):
            message += f"; the texts of the file explain the verdict `{before.verdict}`"
        raise UserError(message, hint=f"add {flags_for(missing, request.verdict)}")
    content = repository.tree.read(record.path)
    assert content is not None
    try:
        edits = {record.path: with_resolution(content, fields)}
    except CannotEditError:
        keys = ", ".join(f"`{key}`" for key in fields)
        raise UserError(f"{record.path} has a form that cannot be edited", hint=f"write {keys} by hand") from None
    return _read_back(record, before, repository, edits)


def with_manifests(done: ResolvedIncident, repository: Repository) -> ResolvedIncident:
    """Add the manifests that change with a resolution: the rollback target may be another version then."""
    after = repository.edited(done.edits)
    rollout = after.require_rollout(done.spec.rollout).require_model()
    try:
        before = {each.path: each.text for each in render(rollout, repository)}
        manifests = render(rollout, after)
    except RenderError:  # the check reports it
        return done
    unchanged = {each.path for each in manifests if before.get(each.path) == each.text}
    drifts = (each for each in compare_manifests(done.spec.rollout, manifests, after) if each.path not in unchanged)
    return replace(done, edits={**done.edits, **{each.path: each.wanted for each in drifts}})


def require_incident(repository: Repository, name: str) -> IncidentRecord:
    """Return an incident that can be read. UserError if it cannot, or is unknown."""
    paths = incident_paths(repository)
    if name not in paths:
        raise UserError(f"there is no incident `{excerpt(name)}` here", hint=unknown_hint(name, paths))
    record = record_of(file_at(paths[name], repository), repository)
    if record.incident is None:
        raise UserError(
            f"{record.path} cannot be resolved: {record.problem}",
            hint=f"run `rollout-spec check {record.path}`, and repair it first",
        )
    return record


def unknown_hint(name: str, known: Iterable[str], otherwise: str = _LISTED) -> str:
    """Return the hint for an unknown name, which may be the path of a file."""
    stem = name.rpartition("/")[2].removesuffix(".yaml")
    return did_you_mean(stem, known) or otherwise


def _refuse_resolved(record: IncidentRecord, spec: IncidentSpec, verdict: Verdict) -> None:
    """UserError if the incident is resolved already."""
    if spec.status != "resolved":
        return
    message = f"{record.name} is already resolved as {spec.verdict}"
    if spec.verdict == verdict:
        hint = f"`{COMMAND} show {record.name}` shows its resolution"
    else:
        hint = f"write `status: open` in {record.path} and merge that; then resolve it as {verdict} in another change"
    raise UserError(message, hint=hint, status=REFUSED)


def _texts(request: ResolveRequest, before: IncidentSpec) -> dict[str, object]:
    """Return the fields of the model that describe the end, those of the file if the request has none."""
    is_given = request.reproduced is not None or request.not_reproduced is not None
    known = request if is_given or explains_another(before, request.verdict) else before
    texts = request if explains_another(before, request.verdict) else before
    return {
        "reproduced": known.reproduced,
        "not_reproduced": known.not_reproduced,
        "root_cause": request.root_cause if request.root_cause is not None else texts.root_cause,
        "resolution": request.resolution if request.resolution is not None else texts.resolution,
    }


def _fields(request: ResolveRequest, before: IncidentSpec) -> dict[str, object]:
    """Return the keys that are written, with their values as in a file."""
    fields: dict[str, object] = {"status": "resolved", "verdict": request.verdict}
    if request.reproduced is not None:
        fields["reproduced"] = request.reproduced.model_dump(by_alias=True, exclude_none=True)
        fields |= {"notReproduced": None} if before.not_reproduced is not None else {}
    elif request.not_reproduced is not None:
        fields |= {"reproduced": None, "notReproduced": request.not_reproduced}
    given = {"rootCause": request.root_cause, "resolution": request.resolution}
    return fields | {key: text for key, text in given.items() if text is not None}


def _read_back(
    record: IncidentRecord, before: IncidentSpec, repository: Repository, edits: Mapping[str, bytes | None]
) -> ResolvedIncident:
    after = repository.edited(edits)
    file = after.incident(record.name)
    if file is None or file.model is None:
        problem = file.problems[0] if file is not None and file.problems else None
        reason = f": `{'.'.join(map(str, problem.path))}`: {problem.message}" if problem is not None else ""
        raise UserError(f"{record.path} would not load{reason}", hint=problem.hint if problem is not None else None)
    rollout = after.rollout(before.rollout)
    reviewers = rollout.model.spec.rollback.reviewers or () if rollout is not None and rollout.model is not None else ()
    effect = quarantine_of(before.rollout, before.failed_version, after)
    return ResolvedIncident(record.name, record.path, file.model.spec, effect, tuple(reviewers), edits)
