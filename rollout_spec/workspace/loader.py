"""Files of a workspace, parsed and validated. Their folder and their ``kind`` decide the model."""

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
"""Endings of file names that document a pause, or that editors leave behind."""


M = TypeVar("M", covariant=True)


@dataclass(frozen=True)
class File(Generic[M]):
    """One file, with the ``model`` that its document has.

    ``model`` is None if the file does not load; ``document.problems`` or ``problems`` have the reason.
    """

    path: str
    kind: str
    content: bytes
    document: Document
    model: M | None
    problems: tuple[Problem, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without its extension."""
        return self.path.rsplit("/", 1)[-1].removesuffix(".yaml")

    def require_model(self) -> M:
        """Return the model. UserError if the file does not load."""
        if self.model is None:
            raise UserError(f"{self.path} does not load", hint=f"run `rollout-spec check {self.path}` to see why")
        return self.model


def kind_at(path: str) -> str | None:
    """Return the kind of a file at a path of a workspace, or None if any kind is allowed."""
    if path.rpartition("/")[2] == PAUSE_FILE:
        return PAUSE
    folder, _, rest = path.partition("/")
    return FOLDERS.get(folder) if rest and "/" not in rest else ("Workspace" if path == WORKSPACE_FILE else None)


def is_mistaken_for_pause(path: str) -> bool:
    """Return whether a file's name resembles that of a pause file, without being one."""
    name = path.rpartition("/")[2]
    if name == PAUSE_FILE or name.endswith(_NO_PAUSE):
        return False
    return re.sub(r"[^a-z0-9]", "", name.lower()).startswith("rolloutspecpause")


def kind_of(document: Document, expected: str | None) -> str | Problem:
    """Return the kind of a document, or the problem of the lines that declare it.

    ``expected`` is None if any kind is allowed.
    """
    return _pause(document) if expected == PAUSE else _envelope(document, expected)


def _pause(document: Document) -> str | Problem:
    """Accept any mapping: a pause has no ``apiVersion`` and no ``kind``."""
    if isinstance(document.data, dict):
        return PAUSE
    return Problem((), "a pause needs a reason and an expiry", PAUSE_HINT)


def _envelope(document: Document, kind: str | None) -> str | Problem:
    """Return the kind of a document, or the problem of its ``apiVersion`` or ``kind``."""
    from rollout_spec.core.text import did_you_mean

    data = document.data
    if not isinstance(data, dict):
        return Problem((), "expected a mapping with `apiVersion`, `kind`, `metadata` and `spec`")
    version, declared = data.get("apiVersion"), data.get("kind")
    if "apiVersion" in data and version != API_VERSION:
        return Problem(
            ("apiVersion",), f"this version of rollout-spec reads `{API_VERSION}`", f"write `apiVersion: {API_VERSION}`"
        )
    if declared is not None and declared not in KINDS:
        message = f"there is no kind `{excerpt(declared)}`" if isinstance(declared, str) else "`kind` is not a name"
        return Problem(("kind",), message, did_you_mean(str(declared)[:60], [kind] if kind else KINDS))
    if kind is not None and declared is not None and declared != kind:
        message = f"expected the kind {kind} in this folder; got {declared}"
        return Problem(("kind",), message, "move the file to the folder of its kind")
    if kind is None and declared is None:
        return Problem((), "`kind` is missing", did_you_mean("", KINDS), on_key=True)
    return str(kind or declared)


@lru_cache(maxsize=16)  # most files are the same on the base and on the branch
def read_file(path: str, kind: str | None, content: bytes) -> File[Any]:
    """Parse one document and validate its model. ``kind`` is the expected kind, or None if any is allowed."""
    document = parse(content)
    if not document.readable:
        return File(path, kind or "", content, document, None)
    actual = kind_of(document, kind)
    if isinstance(actual, Problem):
        return File(path, kind or "", content, document, None, (actual,))
    from pydantic import ValidationError

    from rollout_spec.spec import model_of

    model = model_of(actual)
    try:
        return File(path, actual, content, document, model.model_validate(document.data))
    except ValidationError as error:
        from rollout_spec.spec.validation_errors import problems

        problems_found = tuple(bounded(problems(error, document.data, model, document.bare)))
        return File(path, actual, content, document, None, problems_found)
