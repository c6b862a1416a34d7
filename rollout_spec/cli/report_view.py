"""A report quotes files, and says what its rules demand; what it needs for that is read when it asks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rollout_spec.checks.reporters import View
from rollout_spec.cli import terminal
from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.working_tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.checks.explanations import Explanation


def for_person(here: WorkspaceLocation) -> View:
    """Return how somebody sees the findings in one workspace: with its lines, colors and links, on a terminal."""
    document_of, watched = _reader([here]), terminal.is_watched(sys.stdout)
    return View(
        lines_of=(lambda file: _lines(document_of(file))) if watched else None,
        color=terminal.colors(sys.stdout),
        root=_address(_root(here)) if terminal.links(sys.stdout) else None,
        explain=_explainer([here]),
    )


def for_program(places: Sequence[WorkspaceLocation]) -> View:
    """Return how a program sees the findings in some workspaces: all that it may ask for, and nothing to look at."""
    document_of = _reader(places)
    return View(data_of=lambda file: _data(document_of(file)), explain=_explainer(places))


def _root(here: WorkspaceLocation) -> Path:
    """Return the folder that findings' files are relative to."""
    return here.git_root or here.workspace


def _reader(places: Sequence[WorkspaceLocation]) -> Any:
    roots = dict.fromkeys(map(_root, places))

    @cache
    def document_of(file: str) -> Document | None:
        contents = (_read(root, file) for root in roots)
        content = next((content for content in contents if content is not None), None)
        return parse(content[:MAX_BYTES]) if content is not None else None

    return document_of


def _read(root: Path, file: str) -> bytes | None:
    """Return the bytes of a file; None if it is a link, whose target may be anything on this machine."""
    with suppress(UserError):
        return WorkingTree(root).read(file)
    return None


def _lines(document: Document | None) -> Sequence[str]:
    return document.lines if document else ()


def _data(document: Document | None) -> Any:
    return document.data if document else None


def _explainer(places: Sequence[WorkspaceLocation]) -> Any:
    @cache
    def explain(name: str) -> Explanation | None:
        from rollout_spec.checks import documentation

        found = (documentation.explain(name, here.repository()) for here in places)
        return next(filter(None, found), None)

    return explain


def _address(folder: Path) -> str:
    """Return a folder as a URL with the name of this machine: over ssh, a terminal knows that it is not its own."""
    from socket import gethostname

    return folder.as_uri().replace("file://", f"file://{quote(gethostname())}", 1)
