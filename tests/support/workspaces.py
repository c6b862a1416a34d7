"""Workspaces for tests: folders of files, laid over each other, with the manifests that they render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

import folders
from overlays import lines_of, patched, text_of

from rollout_spec.core.errors import UserError
from rollout_spec.render.renderer import render
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay, Tree
from rollout_spec.workspace.working_tree import WorkingTree

BASE = folders.CASES / "rules" / "_base"
"""A small workspace: one rollout whose candidate is in flight, and its components."""

Files = dict[str, bytes]


def files_in(folder: Path) -> Files:
    """Read the files below a folder, by their paths in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def laid_over(below: Tree, files: Mapping[str, bytes]) -> Overlay:
    """Lay files over a tree: whole ones, patches (``<path>.diff``), and names of those that go (``deleted.txt``).

    ``links.txt`` has the paths of links, one on a line.
    """
    if "links.txt" in files:
        below = Linked(below, files["links.txt"].decode().splitlines())
    edits: dict[str, bytes | None] = {}
    for path, content in files.items():
        if path == "links.txt":
            continue
        if path == "deleted.txt":
            edits |= dict.fromkeys(content.decode().splitlines())
        elif path.endswith(".diff"):
            path = path.removesuffix(".diff")
            text = (below.read(path) or b"").decode()
            edits[path] = text_of(patched(lines_of(text), lines_of(content.decode()))).encode()
        else:
            edits[path] = content
    return Overlay(below, edits)


def specs(files: Mapping[str, bytes]) -> Tree:
    """Lay files over the base workspace; below ``elsewhere/<name>/`` is what differs from it in one beside it."""
    beside: dict[str, Files] = {}
    own = {path: content for path, content in files.items() if not is_manifest(path)}
    for path in [path for path in own if path.startswith("elsewhere/")]:
        _, name, inside = path.split("/", 2)
        beside.setdefault(name, {})[inside] = own.pop(path)
    return laid_over(CommitTree(Folders(beside), "", "acme") if beside else WorkingTree(BASE), own)


class Linked:
    """A tree in which some paths are links, as git or a disk would have them."""

    def __init__(self, below: Tree, links: Iterable[str]) -> None:
        self.below = below
        self._own = list(links)

    @property
    def location(self) -> str:
        return self.below.location

    def read(self, path: str) -> bytes | None:
        return None if self.link(path) else self.below.read(path)

    def names(self, folder: str) -> list[str]:
        if self.link(folder):
            return []
        own = {PurePosixPath(link).name for link in self._own if link.rpartition("/")[0] == folder}
        return sorted({*self.below.names(folder), *own})

    def converts_line_endings(self, path: str) -> bool:
        return self.below.converts_line_endings(path)

    def elsewhere(self, path: str) -> Tree | None:
        return self.below.elsewhere(path)

    def link(self, path: str) -> str | None:
        return next((link for link in self._own if f"{path}/".startswith(f"{link}/")), self.below.link(path))

    def links(self, folder: str) -> list[str]:
        inside = [link for link in self._own if link.startswith(f"{folder}/")]
        return [link for link in [self.link(folder)] if link] or inside

    def folders_with(self, name: str) -> dict[str, str]:
        return self.below.folders_with(name)


class Folders:
    """A commit that holds the base workspace in the folder ``acme``, and others beside it.

    Each of those has the name of its folder, unless its own file says another.
    """

    def __init__(self, others: Mapping[str, Files]) -> None:
        self._below: dict[str, Tree] = {"acme": WorkingTree(BASE)}
        workspace = (BASE / WORKSPACE_FILE).read_bytes()
        for name, files in others.items():
            below = Overlay(WorkingTree(BASE), {WORKSPACE_FILE: renamed(workspace, name)})
            self._below[name] = laid_over(below, files)

    def read(self, commit: str, path: str) -> bytes | None:
        name, _, inside = path.partition("/")
        return self._below[name].read(inside) if name in self._below and inside else None

    def names(self, commit: str, folder: str) -> list[str]:
        name, _, inside = folder.partition("/")
        return sorted(self._below) if name == "." else self._below[name].names(inside) if name in self._below else []

    def link(self, commit: str, path: str) -> str | None:
        name, _, inside = path.partition("/")
        link = self._below[name].link(inside) if name in self._below else None
        return f"{name}/{link}" if link else None

    def folders_with(self, commit: str, name: str) -> list[str]:
        return sorted(folder for folder, tree in self._below.items() if tree.read(name) is not None)


def renamed(workspace: bytes, name: str) -> bytes:
    """Return the file of the base workspace for one of another name."""
    return workspace.replace(b"name: acme-models", f"name: {name}".encode())


def rendered(files: Mapping[str, bytes]) -> Tree:
    """Lay files over the base workspace, render all that can be, and lay the manifests among the files over that."""
    tree = specs(files)
    repository = Repository(tree)
    manifests: dict[str, bytes | None] = {}
    for file in map(repository.rollout, repository.names("rollouts")):
        if file and file.model and file.model.metadata.name == file.stem:
            with suppress(UserError, LookupError):
                manifests |= {each.path: each.text.encode() for each in render(file.model, repository)}
    last = {path: files[path] for path in files if is_manifest(path) or path in ("deleted.txt", "links.txt")}
    return laid_over(Overlay(tree, manifests), last)


def is_manifest(path: str) -> bool:
    return path.startswith(("manifests/", "alerts/"))


def write(tree: Tree, root: Path, folder: str = "") -> Path:
    """Write a tree to disk, below ``root``, and return that."""
    for name in tree.names(folder):
        path = f"{folder}/{name}" if folder else name
        content = tree.read(path)
        if content is None:
            write(tree, root, path)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    return root
