"""Workspaces for tests: folders of files, laid over each other, with the manifests that they render."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rollout_spec.errors import UserError
from rollout_spec.repository import Repository
from rollout_spec.targets.render import render
from rollout_spec.tree import CommitTree, Overlay, Tree, WorkingTree

BASE = Path(__file__).parent / "cases" / "rules" / "_base"
"""A small workspace: one rollout whose candidate is in flight, and its components."""

Files = dict[str, bytes]


def files_in(folder: Path) -> Files:
    """Read the files below a folder, by their paths in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def laid_over(below: Tree, files: Mapping[str, bytes]) -> Overlay:
    """Lay files over a tree: whole ones, patches (``<path>.diff``), and names of those that go (``deleted.txt``)."""
    edits: dict[str, bytes | None] = {}
    for path, content in files.items():
        if path == "deleted.txt":
            edits |= dict.fromkeys(content.decode().splitlines())
        elif path.endswith(".diff"):
            path = path.removesuffix(".diff")
            edits[path] = patched((below.read(path) or b"").decode(), content.decode()).encode()
        else:
            edits[path] = content
    return Overlay(below, edits)


def patched(text: str, patch: str) -> str:
    """Apply a patch that has no line numbers: what a hunk takes away, and its context, stand in the text just once."""
    for hunk in re.split(r"^@@\n", patch, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        where = [match.start() for match in re.finditer(f"^{re.escape(old)}", text, re.MULTILINE)]
        assert old and len(where) == 1, f"this stands {len(where)} times in the text:\n{old}"
        text = text[: where[0]] + new + text[where[0] + len(old) :]
    return text


def specs(files: Mapping[str, bytes]) -> Tree:
    """Lay files over the base workspace; below ``elsewhere/<name>/`` is what differs from it in one beside it."""
    beside: dict[str, Files] = {}
    own = {path: content for path, content in files.items() if not is_manifest(path)}
    for path in [path for path in own if path.startswith("elsewhere/")]:
        _, name, inside = path.split("/", 2)
        beside.setdefault(name, {})[inside] = own.pop(path)
    return laid_over(CommitTree(Folders(beside), "", "acme") if beside else WorkingTree(BASE), own)


class Folders:
    """A commit that holds the base workspace in the folder ``acme``, and others beside it."""

    def __init__(self, others: Mapping[str, Files]) -> None:
        self._below = {name: laid_over(WorkingTree(BASE), files) for name, files in {**others, "acme": {}}.items()}

    def read(self, commit: str, path: str) -> bytes | None:
        name, _, inside = path.partition("/")
        return self._below[name].read(inside) if name in self._below and inside else None

    def names(self, commit: str, folder: str) -> list[str]:
        name, _, inside = folder.partition("/")
        return sorted(self._below) if name == "." else self._below[name].names(inside) if name in self._below else []


def rendered(files: Mapping[str, bytes]) -> Tree:
    """Lay files over the base workspace, render all that can be, and lay the manifests among the files over that."""
    tree = specs(files)
    repository = Repository(tree)
    manifests: dict[str, bytes | None] = {}
    for file in map(repository.rollout, repository.names("rollouts")):
        if file and file.model and file.model.metadata.name == file.stem:
            with suppress(UserError, LookupError):
                manifests |= {each.path: each.text.encode() for each in render(file.model, repository)}
    last = {path: files[path] for path in files if is_manifest(path) or path == "deleted.txt"}
    return laid_over(Overlay(tree, manifests), last)


def is_manifest(path: str) -> bool:
    return path.startswith("manifests/")


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
