"""The committed manifests, held against what the specs render.

In a commit bytes are bytes. A checkout may have CRLF where the commit has LF (``eol=crlf``, ``core.autocrlf``): there
line ends are no difference, and a file whose lines all end in CRLF keeps them when it is rendered anew.

Beside the manifests may lie files that this tool did not render: a note, a Secret, a kustomization. They are no matter
of ours, and nothing here says that they are to be removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rollout_spec.render.renderer import MANIFESTS, Manifest, is_rendered, render
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import with_lf


@dataclass(frozen=True)
class Stale:
    """A manifest that is not what is rendered.

    ``committed`` is None where it is missing, ``wanted`` where nothing renders it; ``target`` is the index of the
    target that renders it, None where none does.
    """

    path: str
    committed: bytes | None
    wanted: bytes | None
    target: int | None = None


def stale(file: File[ModelRollout], repository: Repository) -> list[Stale]:
    """Render a rollout, and return the manifests that differ. UserError where that cannot be done."""
    return list(compared(file.stem, render(file.require_model(), repository), repository))


def compared(name: str, manifests: list[Manifest], repository: Repository) -> Iterator[Stale]:
    """Give what differs between the manifests that a rollout renders and those in the tree."""
    for manifest in manifests:
        there, wanted = repository.tree.read(manifest.path), manifest.text.encode()
        if there is not None and b"\r\n" in there and repository.tree.converts_line_endings(manifest.path):
            wanted = _ended_like(there, wanted)
        if there != wanted:
            yield Stale(manifest.path, there, wanted, manifest.target)
    known = {manifest.path for manifest in manifests}
    for path, content in _files(name, repository):
        if path not in known and is_rendered(content):
            yield Stale(path, content, None)


def _ended_like(there: bytes, wanted: bytes) -> bytes:
    """Return what is rendered with the line ends of the file that is checked out."""
    if with_lf(there) == wanted:
        return there
    has_crlf = there.endswith(b"\r\n") and there.count(b"\r\n") == there.count(b"\n")
    return wanted.replace(b"\n", b"\r\n") if has_crlf else wanted


def left_over(repository: Repository) -> Iterator[Stale]:
    """Give the manifests of rollouts that are no more."""
    for name in folders_left(repository):
        for path, content in _files(name, repository):
            if is_rendered(content):
                yield Stale(path, content, None)


def folders_left(repository: Repository) -> list[str]:
    """Return the folders of manifests without a rollout; none if the rollouts are behind a link, and not known."""
    if repository.link("rollouts") is not None:
        return []
    rollouts = set(repository.names("rollouts"))
    return [name for name in repository.tree.names(MANIFESTS) if name not in rollouts]


def foreign(name: str, repository: Repository, rendered: Iterable[str] = ()) -> list[str]:
    """Return the files and folders in a folder of manifests that this tool did not render, by their paths."""
    tree, folder = repository.tree, f"{MANIFESTS}/{name}"
    known = {*rendered, *(path for path, content in _files(name, repository) if is_rendered(content))}
    paths = (f"{folder}/{file}" for file in tree.names(folder))
    return [path for path in paths if path not in known and (tree.read(path) is not None or tree.names(path))]


def _files(name: str, repository: Repository) -> Iterator[tuple[str, bytes]]:
    """Give the files that lie directly in a folder of manifests: what is in folders below it is not looked at."""
    for file in repository.tree.names(f"{MANIFESTS}/{name}"):
        path = f"{MANIFESTS}/{name}/{file}"
        content = repository.tree.read(path)
        if content is not None:
            yield path, content
