"""Views of reports: quoted lines, colors, links and explanations, read on demand."""

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
    """Return the view of one workspace's findings for a person.

    On a terminal it has lines, colors and links.
    """
    document_of, watched = _reader([here]), terminal.is_watched(sys.stdout)
    return View(
        lines_of=(lambda file: _lines(document_of(file))) if watched else None,
        color=terminal.colors(sys.stdout),
        root=_address(_root(here)) if terminal.links(sys.stdout) else None,
        explain=_explainer([here]),
    )


def for_program(locations: Sequence[WorkspaceLocation]) -> View:
    """Return the view of some workspaces' findings for a program: data and explanations without colors."""
    document_of = _reader(locations)
    return View(data_of=lambda file: _data(document_of(file)), explain=_explainer(locations))


def _root(here: WorkspaceLocation) -> Path:
    """Return the folder that the paths of findings start at."""
    return here.git_root or here.workspace


def _reader(locations: Sequence[WorkspaceLocation]) -> Any:
    roots = dict.fromkeys(map(_root, locations))

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


def _lines(document: Document | None) -> Sequence[str]:
    return document.lines if document else ()


def _data(document: Document | None) -> Any:
    return document.data if document else None


def _explainer(locations: Sequence[WorkspaceLocation]) -> Any:
    @cache
    def explain(name: str) -> Explanation | None:
        from rollout_spec.checks import documentation

        found = (documentation.explain(name, here.repository()) for here in locations)
        return next(filter(None, found), None)

    return explain


def _address(folder: Path) -> str:
    """Return a folder as a URL with this machine's name.

    Otherwise a terminal over ssh would open its own file.
    """
    from socket import gethostname

    return folder.as_uri().replace("file://", f"file://{quote(gethostname())}", 1)
