"""Manifests are rendered, never edited: the same tree gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, Undefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rollout_spec.document import parse
from rollout_spec.errors import UserError
from rollout_spec.metrics import Immeasurable
from rollout_spec.repository import Repository
from rollout_spec.scalars import quote
from rollout_spec.spec.rollout import ModelRollout, Target
from rollout_spec.spec.target import TargetDefinition
from rollout_spec.targets import catalog, facts
from rollout_spec.tree import Tree

MANIFESTS = "manifests"
_MOST = 4 * 1024 * 1024


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


def render(rollout: ModelRollout, repository: Repository) -> list[Manifest]:
    """Return the manifests of a rollout, one for each of its targets. RenderError where a template cannot be filled in."""
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
    head = f"# Rendered by rollout-spec from rollouts/{name}.yaml: edit that file, then run `rollout-spec render {name}`.\n"
    text = head + "---\n".join(document.text for document in filled)
    return Manifest(f"{MANIFESTS}/{name}/{target.type}.yaml", index, tuple(filled), text)


def _documents(
    name: str, definition: TargetDefinition, rollout: ModelRollout, repository: Repository, context: dict[str, Any]
) -> Iterator[Document]:
    environment = _environment(name, repository.tree)
    for template in definition.templates:
        place = f"templates/{name}/{template.file}"
        if template.each == "rollout":
            yield Document(_fill(environment, template.file, place, context), None)
            continue
        for version, role in facts.kept_up(rollout, repository).items():
            own = {**context, "version": facts.of_version(rollout, version, role)}
            yield Document(_fill(environment, template.file, place, own), version)


def _fill(environment: ImmutableSandboxedEnvironment, file: str, place: str, context: dict[str, Any]) -> str:
    try:
        pieces, size = [], 0
        for piece in environment.get_template(file).generate(context):
            pieces.append(piece)
            size += len(piece)
            if size > _MOST:
                raise UserError(f"{place}: more than {_MOST:,} characters come out")
    except SecurityError as error:
        raise UserError(f"{place}: {error}", hint="templates get data and no more") from None
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise UserError(f"{place}{f':{line}' if line else ''}: {error.message or type(error).__name__}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise UserError(f"{place}: {error}") from None
    text = "".join(pieces).strip("\n") + "\n"
    document = parse(text.encode())
    for flaw in document.flaws:
        if flaw.severity == "error":
            raise UserError(
                f"{place}: what it gives is no manifest: line {flaw.span.line}: {flaw.message}", hint=flaw.hint
            )
    return text


def _environment(name: str, tree: Tree) -> ImmutableSandboxedEnvironment:
    """Templates see data through one filter: whatever they put out is quoted, as one scalar, mapping or list."""

    def load(file: str) -> str | None:
        return catalog.template(name, file, tree)

    return _Sandbox(
        loader=FunctionLoader(load),
        undefined=StrictUndefined,
        finalize=_quoted,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class _Sandbox(ImmutableSandboxedEnvironment):
    """A template cannot make much out of little."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int) and isinstance(right, int)) or operator == "**":
            raise SecurityError(f"`{operator}` is for whole numbers, and `**` for nobody")
        return left * right


def _quoted(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)  # StrictUndefined raises here, with the name
    return quote(value)
