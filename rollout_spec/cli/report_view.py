"""Views of reports: quoted lines, colors, links and explanations, read on demand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rollout_spec.checks.reporters import View
from rollout_spec.cli import terminal
from rollout_spec.core.yaml.document import Document
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.report_sources import document_reader, explainer, root_of


def for_person(here: WorkspaceLocation) -> View:
    """Return the view of one workspace's findings for a person.

    On a terminal it has lines, colors and links.
    """
    document_of, watched = document_reader([here]), terminal.is_watched(sys.stdout)
    return View(
        lines_of=(lambda file: _lines(document_of(file))) if watched else None,
        color=terminal.colors(sys.stdout),
        root=_address(root_of(here)) if terminal.links(sys.stdout) else None,
        explain=explainer([here]),
    )


def for_program(locations: Sequence[WorkspaceLocation]) -> View:
    """Return the view of some workspaces' findings for a program: data and explanations without colors."""
    document_of = document_reader(locations)
    return View(data_of=lambda file: _data(document_of(file)), explain=explainer(locations))


def _lines(document: Document | None) -> Sequence[str]:
    return document.lines if document else ()


def _data(document: Document | None) -> Any:
    return document.data if document else None


def _address(folder: Path) -> str:
    """Return a folder as a URL with this machine's name.

    Otherwise a terminal over ssh would open its own file.
    """
    from socket import gethostname

    return folder.as_uri().replace("file://", f"file://{quote(gethostname())}", 1)
