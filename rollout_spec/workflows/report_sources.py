"""The sources of a report: the files of its findings, and explanations of rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.working_tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.checks.explanations import Explanation


def root_of(here: WorkspaceLocation) -> Path:
    """Return the folder that the paths of findings start at."""
    return here.git_root or here.workspace


def document_reader(locations: Sequence[WorkspaceLocation]) -> Callable[[str], Document | None]:
    """Return a function from the path of a finding to the document there, or to None."""
    roots = dict.fromkeys(map(root_of, locations))

    @cache
    def document_of(file: str) -> Document | None:
        contents = (_read(root, file) for root in roots)
        content = next((content for content in contents if content is not None), None)
        return parse(content[:MAX_BYTES]) if content is not None else None

    return document_of


def _read(root: Path, file: str) -> bytes | None:
    """Return the content of a file; None if it is a link, whose target may be any file on this machine."""
    with suppress(UserError):
        return WorkingTree(root).read(file)
    return None


def explainer(locations: Sequence[WorkspaceLocation]) -> Callable[[str], Explanation | None]:
    """Return a function from the name of a rule or policy to its explanation, or to None."""

    @cache
    def explain(name: str) -> Explanation | None:
        from rollout_spec.checks import documentation

        found = (documentation.explain(name, here.repository()) for here in locations)
        return next(filter(None, found), None)

    return explain
