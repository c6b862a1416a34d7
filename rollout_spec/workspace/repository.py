"""A workspace: its rollouts, components, incidents and policy packs, loaded by name, lazily and once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.core.units import NAME, label
from rollout_spec.spec.kinds import FOLDERS, OUTPUTS, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workspace.folder_names import FolderNames
from rollout_spec.workspace.loader import File, is_mistaken_for_pause, kind_at, read_file
from rollout_spec.workspace.results import KeptInUse, Results
from rollout_spec.workspace.tree import Overlay, Tree

if TYPE_CHECKING:
    from rollout_spec.spec.component import Component
    from rollout_spec.spec.incident import Incident
    from rollout_spec.spec.policy_pack import PolicyPack
    from rollout_spec.spec.rollout import ModelRollout
    from rollout_spec.spec.workspace import Workspace, WorkspaceSpec

_RENDERED = tuple(f"{folder}/" for folder in OUTPUTS)


class Repository(Results):
    """The files of a workspace, read from a tree at their first use.

    An edited one has its own results of ``once``, and shares those of ``recall``.
    """

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self.tree = tree
        self._files: dict[str, File[Any] | None] = {}
        self._folders = FolderNames(tree)
        self._others: dict[str, Repository | None] = {}
        self._below: Repository | None = None
        self._edits: Mapping[str, bytes | None] = {}
        self._edited: KeptInUse[Repository] = KeptInUse()
        self._unrendered: Repository | None = None

    def edited(self, edits: Mapping[str, bytes | None]) -> Repository:
        """Return the repository with edits over its tree. Unchanged files are not read again.

        Edits that lead to the same files give the same repository with its results, while it is in use.
        """
        below, every_edit = self._below or self, {**self._edits, **edits}
        return below._edited.of(every_edit, below._with_edits) if every_edit else below

    def _with_edits(self, edits: Mapping[str, bytes | None]) -> Repository:
        after = Repository(Overlay(self.tree, edits))
        after._below, after._edits = self, edits
        after._folders = FolderNames(after.tree, self._folders, edits)
        after._recent = self._recent
        after._others = self._others  # edits never change another workspace
        documents = {path: content for path, content in edits.items() if not path.startswith(_RENDERED)}
        if len(documents) < len(edits):
            after._unrendered = self.edited(documents)
        return after

    @property
    def unrendered(self) -> Repository:
        """The repository without the edits of rendered files, for results that do not depend on them."""
        return self._unrendered or self

    @property
    def without_incidents(self) -> Repository:
        """The repository without the edits of rendered files and incidents, for results without them."""
        if self._below is None:
            return self
        others = {path: content for path, content in self._edits.items() if not path.startswith("incidents/")}
        return self._below.edited(others).unrendered

    def keeping_edited(self) -> AbstractContextManager[None]:
        """Keep all repositories that are ``edited`` from this one in use until the end of the block."""
        return (self._below or self)._edited.keeping()

    @property
    def edited_from(self) -> tuple[Repository, Mapping[str, bytes | None]] | None:
        """The repository without any edit, and all edits to it, or None if this one has none."""
        return (self._below, self._edits) if self._below is not None else None

    @property
    def workspace(self) -> File[Workspace] | None:
        """The file that makes this folder a workspace."""
        return cast("File[Workspace] | None", self.file(WORKSPACE_FILE, "Workspace"))

    @property
    def settings(self) -> WorkspaceSpec | None:
        """The spec of the workspace, or None if its file is missing or does not load."""
        file = self.workspace
        return file.model.spec if file and file.model else None

    @cached_property
    def workspace_name(self) -> str:
        """The name of the workspace, empty if its file does not load."""
        file = self.workspace
        return file.model.metadata.name if file and file.model else ""

    def elsewhere(self, path: str) -> Repository | None:
        """Return another workspace of the same git repository, by its path from this folder.

        None if the path leads out of the repository, back here, or to a folder that is no workspace.
        """
        if path not in self._others:
            tree = self.tree.elsewhere(path)
            other = Repository(tree) if tree is not None and tree.location != self.tree.location else None
            self._others[path] = other if other is not None and other.workspace is not None else None
        return self._others[path]

    def entries(self, folder: str) -> list[str]:
        """Return the names of the direct entries of any folder, sorted."""
        return self._folders.entries(folder)

    def names(self, folder: str) -> list[str]:
        """Return the names of the documents in one of the folders of a workspace, sorted."""
        return self._folders.documents(folder)

    def others(self, folder: str) -> list[str]:
        """Return the names of the other entries of such a folder, which are not documents."""
        return self._folders.others(folder)

    def names_from(self, folder: str, start: str) -> list[str]:
        """Return the names in a folder that begin with ``start``."""
        return self._folders.documents_from(folder, start)

    def rollout(self, name: str) -> File[ModelRollout] | None:
        """Return a rollout by name."""
        return cast("File[ModelRollout] | None", self._named("rollouts", name))

    def require_rollout(self, name: str) -> File[ModelRollout]:
        """Return a rollout that loads, by name. UserError if there is none, or if it does not load."""
        file = self.rollout(name) if re.fullmatch(NAME, name) else None  # a name with `/` leads out of the folder
        if file is None:
            raise self._unknown(name)
        file.require_model()
        return file

    def refuse_unknown(self, rollouts: Iterable[str]) -> None:
        """Raise UserError if one of these names is not that of a rollout."""
        known = set(self.names("rollouts"))
        for name in rollouts:
            if name not in known:
                raise self._unknown(name)

    def _unknown(self, name: str) -> UserError:
        hint = did_you_mean(name, self.names("rollouts"))
        return UserError(f"there is no rollout `{excerpt(name)}` here", hint=hint)

    def component(self, name: str) -> File[Component] | None:
        """Return a component by name."""
        return cast("File[Component] | None", self._named("components", name))

    def incident(self, name: str) -> File[Incident] | None:
        """Return an incident by name."""
        return cast("File[Incident] | None", self._named("incidents", name))

    def incidents_of(self, rollout: str, version: str | None = None) -> list[File[Incident]]:
        """Return the incidents of a rollout, or of one of its versions, oldest first, if they load.

        An incident's file name begins with its rollout and its version's label, so only such files are read. For
        quarantines use ``incidents.readings``, which includes incidents that do not load.
        """
        start = f"{rollout}-" if version is None else f"{rollout}-{label(version)}"
        files = [
            file
            for file in map(self.incident, self.names_from("incidents", start))
            if file
            and file.model
            and file.model.spec.rollout == rollout
            and version in (None, file.model.spec.failed_version)
        ]
        return sorted(files, key=lambda file: (len(file.stem), file.stem))

    def pack(self, reference: str) -> File[PolicyPack] | None:
        """Return a policy pack: a shipped one by name, one of the workspace by path."""
        if reference.startswith("/") or ".." in reference.split("/"):
            return None
        if "/" in reference or reference.endswith(".yaml"):
            return cast("File[PolicyPack] | None", self.file(reference, "PolicyPack"))
        return _shipped_pack(f"policies/{reference}.yaml")

    def file(self, path: str, kind: str | None = None) -> File[Any] | None:
        """Return a file by path.

        ``kind`` is the expected kind, or None to take it from the folder or the file.
        """
        if self._below is not None and path not in self._edits:
            return self._below.file(path, kind)
        if self._unrendered is not None and not path.startswith(_RENDERED):
            return self._unrendered.file(path, kind)
        if path not in self._files:
            content = self.content(path)
            self._files[path] = None if content is None else read_file(path, kind or kind_at(path), content)
        return self._files[path]

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a file. Those of the last ones are read once."""
        if path in self._edits:
            return self._edits[path]
        if _is_pause_above(path):
            tree, name = self._above(path)
            return tree.read(name) if tree is not None else None
        below = (self._below or self).tree
        return self.recall(("content", path), lambda: below.read(path))

    def link(self, path: str) -> str | None:
        """Return the first part of a path that is a link or a submodule, or None."""
        if path in self._edits:
            return None
        if _is_pause_above(path):
            tree, name = self._above(path)
            return path if tree is not None and tree.link(name) is not None else None
        below = (self._below or self).tree
        return self.recall(("link", path), lambda: below.link(path))

    def links(self, folder: str) -> list[str]:
        """Return the links in a folder, at any depth, or the folder itself if it is one."""
        below = (self._below or self).tree
        links = self.recall(("links", folder), lambda: below.links(folder))
        return [link for link in links if link not in self._edits]

    def _above(self, path: str) -> tuple[Tree | None, str]:
        """Return the tree that has the pause of the whole git repository, and its name there.

        No other file outside of the workspace is read. The tree is None if it is not readable.
        """
        above, _, name = path.rpartition("/")
        return self.tree.elsewhere(above), name

    def _named(self, folder: str, name: str) -> File[Any] | None:
        return self.file(f"{folder}/{name}.yaml", FOLDERS[folder])


def _is_pause_above(path: str) -> bool:
    """Return whether a path leads out of the workspace, to a pause or a file with a similar name."""
    name = path.rpartition("/")[2]
    return path.startswith("../") and (name == PAUSE_FILE or is_mistaken_for_pause(name))


@cache
def _shipped_pack(path: str) -> File[PolicyPack] | None:
    shipped = resources.find(path)
    return read_file(path, "PolicyPack", shipped.read_bytes()) if shipped.is_file() else None
