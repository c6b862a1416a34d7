"""Where a file lies and what its first lines say decide what it holds; a pause says nothing of the kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Problem, bounded
from rollout_spec.core.text import excerpt
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.spec.kinds import API_VERSION, FOLDERS, KINDS, PAUSE, PAUSE_FILE, PAUSE_HINT, WORKSPACE_FILE

_NO_PAUSE = (".md", ".swp", ".orig", ".rej", "~")
"""How names end of what describes a pause, or of what an editor leaves behind."""


M = TypeVar("M", covariant=True)


@dataclass(frozen=True)
class File(Generic[M]):
    """One file as it was read. ``model`` is None where it could not be; ``document`` or ``problems`` say why."""

    path: str
    kind: str
    content: bytes
    document: Document
    model: M | None
    problems: tuple[Problem, ...] = ()

    @property
    def stem(self) -> str:
        """The name that the file bears."""
        return self.path.rsplit("/", 1)[-1].removesuffix(".yaml")

    def require_model(self) -> M:
        """Return the model. UserError if the file does not load."""
        if self.model is None:
            raise UserError(f"{self.path} does not load", hint=f"`rollout-spec check {self.path}` says why")
        return self.model


def kind_at(path: str) -> str | None:
    """Return the kind of what lies at a path of a workspace; None where any may."""
    if path.rpartition("/")[2] == PAUSE_FILE:
        return PAUSE
    folder, _, rest = path.partition("/")
    return FOLDERS.get(folder) if rest and "/" not in rest else ("Workspace" if path == WORKSPACE_FILE else None)


def is_mistaken_for_pause(path: str) -> bool:
    """Return whether a file has a name that somebody may take for that of a pause, and that is none."""
    name = path.rpartition("/")[2]
    if name == PAUSE_FILE or name.endswith(_NO_PAUSE):
        return False
    return re.sub(r"[^a-z0-9]", "", name.lower()).startswith("rolloutspecpause")


def kind_said(document: Document, wanted: str | None) -> str | Problem:
    """Return what a document that was read holds, or what is wrong with the lines that say so.

    ``wanted`` is what it should hold; None takes its own word.
    """
    return _pause(document) if wanted == PAUSE else _envelope(document, wanted)


def _pause(document: Document) -> str | Problem:
    """Let a mapping pass: a pause has no envelope."""
    if isinstance(document.data, dict):
        return PAUSE
    return Problem((), "a pause says why and until when", PAUSE_HINT)


def _envelope(document: Document, kind: str | None) -> str | Problem:
    """Return the kind of a document, or what is wrong with the lines that say what it is."""
    from rollout_spec.core.text import did_you_mean

    data = document.data
    if not isinstance(data, dict):
        return Problem((), "a document begins with `apiVersion`, `kind`, `metadata` and `spec`")
    version, said = data.get("apiVersion"), data.get("kind")
    if "apiVersion" in data and version != API_VERSION:
        return Problem(
            ("apiVersion",), f"this version of rollout-spec reads `{API_VERSION}`", f"write `apiVersion: {API_VERSION}`"
        )
    if said is not None and said not in KINDS:
        word = f"`{excerpt(said)}`" if isinstance(said, str) else "that is no name"
        return Problem(("kind",), f"there is no kind {word}", did_you_mean(str(said)[:60], [kind] if kind else KINDS))
    if kind is not None and said is not None and said != kind:
        words = f"this file should hold one {kind}, and it holds one {said}"
        return Problem(("kind",), words, "move the file to the folder of its kind")
    if kind is None and said is None:
        return Problem((), "`kind` is missing", did_you_mean("", KINDS), on_key=True)
    return str(kind or said)


@lru_cache(maxsize=16)  # a base is read beside what it is the base of, and nearly all files are the same in both
def read_file(path: str, kind: str | None, content: bytes) -> File[Any]:
    """Read one document and its model. ``kind`` is what it should hold; None takes its own word."""
    document = parse(content)
    if not document.readable:
        return File(path, kind or "", content, document, None)
    found = kind_said(document, kind)
    if isinstance(found, Problem):
        return File(path, kind or "", content, document, None, (found,))
    from pydantic import ValidationError

    from rollout_spec.spec import model_of

    model = model_of(found)
    try:
        return File(path, found, content, document, model.model_validate(document.data))
    except ValidationError as error:
        from rollout_spec.spec.validation_errors import problems

        told = tuple(bounded(problems(error, document.data, model, document.bare)))
        return File(path, found, content, document, None, told)
