"""Manifests are rendered, never edited: the same tree gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from traceback import walk_tb
from typing import Any

from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError

from rollout_spec import catalog
from rollout_spec.document import parse
from rollout_spec.errors import UserError
from rollout_spec.metrics import Immeasurable
from rollout_spec.repository import Repository
from rollout_spec.spec.rollout import ModelRollout, Target
from rollout_spec.spec.target import TargetDefinition
from rollout_spec.targets import facts
from rollout_spec.targets.sandbox import Sandbox
from rollout_spec.tree import Tree

MANIFESTS = "manifests"
_HEAD = re.compile(rb"# Rendered by rollout-spec from rollouts/[^/\s]+\.yaml\b")
"""How the first line of each manifest begins."""


@dataclass(frozen=True)
class Document:
    """One document of a manifest; ``version`` is the one whose workload it is, None for those of the whole rollout."""

    text: str
    version: str | None


@dataclass(frozen=True)
class Manifest:
    """One rendered file, by its path in the workspace."""

    path: str
    target: int
    documents: tuple[Document, ...]
    text: str


class RenderError(UserError):
    """A target cannot be rendered; ``target`` is its index in the rollout."""

    def __init__(self, target: int, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.target = target


def is_rendered(content: bytes) -> bool:
    """Return whether the first line of a file says that this tool rendered it."""
    return _HEAD.match(content) is not None


def render(rollout: ModelRollout, repository: Repository) -> list[Manifest]:
    """Return the manifests of a rollout, one for each of its targets. RenderError where one cannot be made."""
    return [_manifest(index, target, rollout, repository) for index, target in enumerate(rollout.spec.targets)]


def workloads(manifests: list[Manifest], version: str) -> dict[str, str]:
    """Return what is rendered for one version, by the path of its manifest."""
    found: dict[str, str] = {}
    for manifest in manifests:
        for document in manifest.documents:
            if document.version == version:
                found[manifest.path] = found.get(manifest.path, "") + document.text
    return found


def _manifest(index: int, target: Target, rollout: ModelRollout, repository: Repository) -> Manifest:
    definition = catalog.find(target.type, repository.tree)
    if definition is None:
        raise RenderError(index, f"there is no target `{target.type}`")
    options = catalog.with_defaults(target.options, definition.options)
    try:
        context = facts.of_rollout(rollout, repository, options)
        filled = list(_documents(target.type, definition, rollout, repository, context))
    except UserError as error:
        raise RenderError(index, error.message, error.hint) from None
    except Immeasurable as error:
        raise RenderError(index, str(error)) from None
    name = rollout.metadata.name
    edit = f"edit that file, then run `rollout-spec render {name}`"
    head = f"# Rendered by rollout-spec from rollouts/{name}.yaml: {edit}.\n"
    text = head + "---\n".join(document.text for document in filled)
    return Manifest(f"{MANIFESTS}/{name}/{target.type}.yaml", index, tuple(filled), text)


def _documents(
    name: str, definition: TargetDefinition, rollout: ModelRollout, repository: Repository, context: dict[str, Any]
) -> Iterator[Document]:
    sandbox = _sandbox(name, repository.tree)
    for template in definition.templates:
        place = f"templates/{name}/{template.file}"
        if template.each == "rollout":
            yield Document(_fill(sandbox, template.file, place, context), None)
            continue
        for version, role in facts.kept_up(rollout, repository).items():
            own = {**context, "version": facts.of_version(rollout, version, role)}
            yield Document(_fill(sandbox, template.file, place, own), version)


def _fill(sandbox: Sandbox, file: str, place: str, context: dict[str, Any]) -> str:
    try:
        text = sandbox.fill(file, context).strip("\n") + "\n"
    except TemplateNotFound as error:
        raise UserError(f"{place}: there is no template `{error.name}`") from None
    except SecurityError as error:
        raise UserError(f"{_line(error, place)}: {error}", hint="templates get data and no more") from None
    except Exception as error:  # a template is a program of its own, and fails in any way
        raise UserError(f"{_line(error, place)}: {str(error) or type(error).__name__}") from None
    for flaw in parse(text.encode()).flaws:
        if flaw.severity == "error":
            words = f"{place}: what it gives is no manifest: line {flaw.span.line}: {flaw.message}"
            raise UserError(words, hint=flaw.hint)
    return text


def _line(error: Exception, place: str) -> str:
    """Return the template and the line in which it failed, as far as Jinja tells."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or place}:{error.lineno}"
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    inside = [f"{file}:{line}" for file, line in frames if file.startswith("templates/")]
    return inside[-1] if inside else place


def _sandbox(name: str, tree: Tree) -> Sandbox:
    return _compiled(name, frozenset(catalog.templates(name, tree).items()))


@lru_cache(maxsize=64)
def _compiled(name: str, templates: frozenset[tuple[str, str]]) -> Sandbox:
    """Compiling a template costs fifty times what filling it in does, so that each is compiled once."""
    texts = dict(templates)

    def load(file: str) -> tuple[str, str] | None:
        text = texts.get(file)
        return None if text is None else (text, f"templates/{name}/{file}")

    return Sandbox(load)
