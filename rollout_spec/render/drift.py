"""Drift: differences between committed manifests and rendered ones.

A checkout may have CRLF where the commit has LF (``eol=crlf``, ``core.autocrlf``). There, line ends are no difference,
and a file whose lines all end in CRLF keeps them when it is rendered again. In a commit, every byte counts.

The folder of the manifests may hold files that this tool did not render, such as a Secret. They are never removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rollout_spec.render.outputs import alerts_of, is_rendered, output_files
from rollout_spec.render.renderer import Manifest, render
from rollout_spec.spec.kinds import ALERTS, MANIFESTS
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import with_lf


@dataclass(frozen=True)
class ManifestDrift:
    """A manifest that is out of date.

    ``committed`` is None if the file is missing, ``wanted`` is None if no target renders it. ``target`` is the index of
    the target that renders it, or None.
    """

    path: str
    committed: bytes | None
    wanted: bytes | None
    target: int | None = None


def find_drift(file: File[ModelRollout], repository: Repository) -> list[ManifestDrift]:
    """Return the manifests of a rollout that are out of date. UserError if it cannot be rendered."""

    def found(here: Repository) -> tuple[File[ModelRollout], list[ManifestDrift]]:
        return file, list(compare_manifests(file.stem, render(file.require_model(), here), here))

    if repository.edited_from is None:  # it would keep the manifests of all rollouts
        return found(repository)[1]
    return list(repository.once(("drift", id(file)), found)[1])  # the file is kept alive, because its id is the key


def compare_manifests(name: str, manifests: list[Manifest], repository: Repository) -> Iterator[ManifestDrift]:
    """Yield the differences between the rendered manifests of a rollout and those in the tree."""
    for manifest in manifests:
        committed, wanted = repository.content(manifest.path), manifest.text.encode()
        if committed is not None and b"\r\n" in committed and repository.tree.converts_line_endings(manifest.path):
            wanted = _with_line_ends_of(committed, wanted)
        if committed != wanted:
            yield ManifestDrift(manifest.path, committed, wanted, manifest.target)
    known = {manifest.path for manifest in manifests}
    for path, content in output_files(name, repository, known):
        if is_rendered(content):
            yield ManifestDrift(path, content, None)


def _with_line_ends_of(committed: bytes, wanted: bytes) -> bytes:
    """Return the rendered text with the line ends of the checked-out file."""
    if with_lf(committed) == wanted:
        return committed
    has_crlf = committed.endswith(b"\r\n") and committed.count(b"\r\n") == committed.count(b"\n")
    return wanted.replace(b"\n", b"\r\n") if has_crlf else wanted


def orphaned_manifests(repository: Repository) -> Iterator[ManifestDrift]:
    """Yield the manifests of rollouts that no longer exist."""
    rollouts = set(repository.names("rollouts"))
    alerts = (alerts_of(file) for file in repository.names(ALERTS) if repository.link("rollouts") is None)
    names = dict.fromkeys((*orphaned_folders(repository), *(name for name in alerts if name not in rollouts)))
    for name in names:
        for path, content in output_files(name, repository):
            if is_rendered(content):
                yield ManifestDrift(path, content, None)


def orphaned_folders(repository: Repository) -> list[str]:
    """Return the folders of manifests without a rollout.

    There are none if ``rollouts/`` is a link and cannot be read.
    """
    if repository.link("rollouts") is not None:
        return []
    rollouts = set(repository.names("rollouts"))
    return [name for name in repository.tree.names(MANIFESTS) if name not in rollouts]


def unmanaged_files(name: str, repository: Repository, rendered: Iterable[str] = ()) -> list[str]:
    """Return the paths of files and folders in a folder of manifests that this tool did not render."""
    tree, folder = repository.tree, f"{MANIFESTS}/{name}"
    known = {*rendered, *(path for path, content in output_files(name, repository) if is_rendered(content))}
    paths = (f"{folder}/{file}" for file in tree.names(folder))
    return [path for path in paths if path not in known and (tree.read(path) is not None or tree.names(path))]
