"""Rendering of manifests. The same tree gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout_spec.core import bounded_process as confined
from rollout_spec.core.errors import UserError
from rollout_spec.domain.metrics.selectors import Immeasurable
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.domain.targets.options import with_defaults
from rollout_spec.render import context as facts
from rollout_spec.render import kustomization
from rollout_spec.render.outputs import head, output_path
from rollout_spec.spec.rollout import ModelRollout, Target
from rollout_spec.spec.target import TargetDefinition
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class RenderedDocument:
    """One document of a manifest. ``version`` is set if the document is the workload of one version."""

    text: str
    version: str | None


@dataclass(frozen=True)
class Manifest:
    """One rendered file, by its path in the workspace.

    ``target`` is None for the kustomization. ``kubernetes``: its documents are Kubernetes objects.
    """

    path: str
    target: int | None
    documents: tuple[RenderedDocument, ...]
    text: str
    kubernetes: bool


class RenderError(UserError):
    """A target cannot be rendered; ``target`` is its index in the rollout."""

    def __init__(self, target: int, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.target = target


def render(rollout: ModelRollout, repository: Repository) -> list[Manifest]:
    """Return the manifests of a rollout. RenderError if one cannot be rendered.

    There is one for each target, and the kustomization that lists the Kubernetes objects.
    """
    name = rollout.metadata.name

    def rendered(here: Repository) -> tuple[ModelRollout, dict[str, Manifest]]:
        return rollout, _manifests(rollout, here)  # the rollout is kept alive, because its id is the key

    unrendered = repository.unrendered
    if unrendered.edited_from is None:  # it would keep the manifests of all rollouts
        _, manifests = rendered(unrendered)
    else:
        _, manifests = unrendered.once(("manifests", id(rollout)), rendered)
    outputs = {path: manifest.kubernetes for path, manifest in manifests.items()}
    text = kustomization.kustomization(name, outputs, repository)
    listing = [Manifest(kustomization.path_of(name), None, (), text, kubernetes=False)] if text is not None else []
    return [*manifests.values(), *listing]


def _manifests(rollout: ModelRollout, repository: Repository) -> dict[str, Manifest]:
    """Return the manifests of the targets by path."""
    name = rollout.metadata.name
    manifests: dict[str, Manifest] = {}
    for index, target in enumerate(rollout.spec.targets):
        manifest = _manifest(index, target, rollout, repository)
        if manifest.path in manifests or manifest.path == kustomization.path_of(name):
            hint = "remove one, or give it another `output` in its `target.yaml`"
            raise RenderError(index, f"{manifest.path} is the output of another target too", hint)
        manifests[manifest.path] = manifest
    return manifests


def workloads(manifests: list[Manifest], version: str) -> dict[str, str]:
    """Return the rendered workloads of one version, by the path of the manifest."""
    texts: dict[str, str] = {}
    for manifest in manifests:
        for document in manifest.documents:
            if document.version == version:
                texts[manifest.path] = texts.get(manifest.path, "") + document.text
    return texts


def _manifest(index: int, target: Target, rollout: ModelRollout, repository: Repository) -> Manifest:
    definition = catalog.find(target.type, repository.tree)
    if definition is None:
        raise RenderError(index, f"there is no target `{target.type}`")
    if catalog.is_own(target.type, repository.tree):
        return _rendered(index, target, definition, rollout, repository)
    # What a shipped target is rendered from. A drill reaches the same `live` in several ways.
    roles, settings = facts.workload_roles(rollout, repository), repository.settings
    key = ("manifest", id(rollout), index, id(definition), id(settings), repository.workspace_name, *roles.items())
    kept = rollout, settings, definition  # alive, because their ids are in the key

    def result() -> tuple[object, Manifest]:
        return kept, _rendered(index, target, definition, rollout, repository)

    return repository.recall(key, result)[1]


def _rendered(
    index: int, target: Target, definition: TargetDefinition, rollout: ModelRollout, repository: Repository
) -> Manifest:
    options = with_defaults(target.options, definition.options)
    try:
        shipped = (
            {} if catalog.is_own(target.type, repository.tree) else catalog.templates(target.type, repository.tree)
        )
        with_alerts = not shipped or any("alerts" in text for text in shipped.values())
        context = facts.of_rollout(rollout, repository, options, with_alerts=with_alerts)
        filled = list(_documents(target.type, definition, rollout, repository, context))
        kubernetes = _is_kubernetes(target.type, definition, filled, repository)
    except UserError as error:
        raise RenderError(index, error.message, error.hint) from None
    except Immeasurable as error:
        raise RenderError(index, str(error)) from None
    name = rollout.metadata.name
    text = head(name) + "---\n".join(document.text for document in filled)
    return Manifest(output_path(target.type, definition, name), index, tuple(filled), text, kubernetes)


def _is_kubernetes(
    name: str, definition: TargetDefinition, documents: list[RenderedDocument], repository: Repository
) -> bool:
    """Return whether all documents are Kubernetes objects.

    UserError if a target of the workspace says so wrongly.
    """
    declared = definition.kubernetes
    if declared is False or (declared and not catalog.is_own(name, repository.tree)):
        return declared
    holds = bool(documents) and all(kustomization.has_kind(document.text.encode()) for document in documents)
    if declared and not holds:
        message = f"templates/{name}/target.yaml says `kubernetes: true`, but a document lacks `apiVersion` or `kind`"
        raise UserError(message, hint="write `kubernetes: false`, or add both to the template")
    return holds


def _documents(
    name: str, definition: TargetDefinition, rollout: ModelRollout, repository: Repository, context: dict[str, Any]
) -> Iterator[RenderedDocument]:
    fills: list[tuple[str, dict[str, Any]]] = []
    versions: list[str | None] = []
    data_by_version: dict[str, dict[str, Any]] = {}
    templates = [
        each for each in definition.templates if each.if_set is None or context["options"][each.if_set] is not None
    ]
    if any(template.each == "version" for template in templates):
        for version, role in facts.workload_roles(rollout, repository).items():
            data_by_version[version] = {**context, "version": facts.of_version(rollout, version, role)}
    for template in templates:
        if template.each == "rollout":
            fills.append((template.file, context))
            versions.append(None)
            continue
        fills += ((template.file, own) for own in data_by_version.values())
        versions += data_by_version
    request = name, catalog.templates(name, repository.tree), fills
    if catalog.is_own(name, repository.tree):
        filled = _confined(request, f"rollouts/{rollout.metadata.name}.yaml")
    else:
        from rollout_spec.render.filling import filled as fill

        filled = list(fill(request))
    yield from (RenderedDocument(text, version) for text, version in zip(filled, versions, strict=True))


def _confined(request: tuple[str, Mapping[str, str], list[tuple[str, dict[str, Any]]]], about: str) -> list[str]:
    """Return the documents of a target of the workspace, rendered in a bounded process."""
    name, _, fills = request
    try:
        answers = confined.ask("rollout_spec.render.filling:filled", request, len(fills), about)
    except confined.StoppedError as stopped:
        file, _ = fills[min(len(stopped.answers), len(fills) - 1)]
        place = stopped.place or f"templates/{name}/{file}"
        raise UserError(f"{place}: {stopped.reason}", hint=stopped.hint) from None
    return [str(answer) for answer in answers]
