"""A tree is read as a workspace: rollouts, components, incidents and policy packs, lazily, by name, each file once."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.core.units import NAME, label
from rollout_spec.spec.kinds import FOLDERS, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workspace.loader import File, is_mistaken_for_pause, kind_at, read_file
from rollout_spec.workspace.tree import Overlay, Tree

if TYPE_CHECKING:
    from rollout_spec.spec.component import Component
    from rollout_spec.spec.incident import Incident
    from rollout_spec.spec.policy_pack import PolicyPack
    from rollout_spec.spec.rollout import ModelRollout
    from rollout_spec.spec.workspace import Workspace, WorkspaceSpec

T = TypeVar("T")
MOST_SOURCES = 100
"""From so many workspaces one may take incidents; all are read for a rollout, and more are a mistake or an attack."""
_LAST_LETTER = "\U0010ffff"


@dataclass(frozen=True)
class UnknownSource:
    """A workspace that incidents are taken from and that is missing, or does not load.

    ``index`` is that of the entry of ``incidentsFrom`` which leads there; ``direct``: it is that entry itself.
    """

    index: int
    why: str
    direct: bool


class Repository:
    """A tree, read as what a rollout repository holds. Nothing is read before it is asked for."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._files: dict[str, File[Any] | None] = {}
        self._names: dict[str, list[str]] = {}
        self._others_in: dict[str, list[str]] = {}
        self._others: dict[str, Repository | None] = {}
        self._below: Repository | None = None
        self._edits: Mapping[str, bytes | None] = {}
        self._results: dict[object, Any] = {}

    def once(self, key: object, compute: Callable[[Repository], T]) -> T:
        """Return a result that depends on this repository alone, computed at the first call with its key.

        An edited repository computes its own results.
        """
        if key not in self._results:
            self._results[key] = compute(self)
        result: T = self._results[key]
        return result

    def edited(self, edits: Mapping[str, bytes | None]) -> Repository:
        """Return the repository with edits laid over its tree; files that they leave alone are not read again."""
        after = Repository(Overlay(self.tree, edits))
        after._below, after._edits = self, dict(edits)
        after._others = self._others  # no edit of this workspace is one of another
        return after

    @property
    def edited_from(self) -> tuple[Repository, Mapping[str, bytes | None]] | None:
        """The repository that this one was ``edited`` from, and the edits; None for one that was read."""
        return (self._below, self._edits) if self._below is not None else None

    @property
    def workspace(self) -> File[Workspace] | None:
        """The file that makes this folder a workspace."""
        return cast("File[Workspace] | None", self.file(WORKSPACE_FILE, "Workspace"))

    @property
    def settings(self) -> WorkspaceSpec | None:
        """What the workspace says; None where its file is missing or does not load."""
        file = self.workspace
        return file.model.spec if file and file.model else None

    @cached_property
    def workspace_name(self) -> str:
        """The name of the workspace; empty where its file does not load."""
        file = self.workspace
        return file.model.metadata.name if file and file.model else ""

    def elsewhere(self, path: str) -> Repository | None:
        """Return another workspace of the same git repository, by its path from this one's folder; read once.

        None where the path leads out of the repository, back here, or to a folder that is no workspace.
        """
        if path not in self._others:
            tree = self.tree.elsewhere(path)
            other = Repository(tree) if tree is not None and tree.place != self.tree.place else None
            self._others[path] = other if other is not None and other.workspace is not None else None
        return self._others[path]

    def namesakes(self) -> list[str]:
        """Return the folders, from the git root, of the other workspaces that have this one's name."""
        return self.others_named(self.workspace_name)

    def others_named(self, name: str) -> list[str]:
        """Return the folders, from the git root, of the other workspaces of a name."""
        found: list[str] = []
        for path, folder in self.tree.folders_with(WORKSPACE_FILE).items() if name else ():
            tree = self.tree.elsewhere(path)
            content = tree.read(WORKSPACE_FILE) if tree is not None else None
            if content is None or (name.encode() not in content and b"\\" not in content):
                continue  # most have another name, and need not be parsed to see that
            other = self.elsewhere(path)
            if other is not None and other.workspace_name == name:
                found.append("the git root" if folder == "." else folder)
        return found

    def incident_sources(self) -> list[Repository]:
        """Return the workspaces whose quarantines hold here too: those that ``incidentsFrom`` names, and theirs."""
        return list(self._sources[0])

    def unknown_sources(self) -> list[UnknownSource]:
        """Return the workspaces of ``incidentsFrom``, and of theirs, whose quarantines cannot be known."""
        return list(self._sources[1])

    @cached_property
    def _sources(self) -> tuple[list[Repository], list[UnknownSource]]:
        """Follow ``incidentsFrom`` here and in the workspaces that it leads to."""
        found: dict[str, Repository] = {}
        unknown: list[UnknownSource] = []
        todo: list[tuple[Repository, int | None]] = [(self, None)]
        while todo:
            near, start = todo.pop(0)
            settings = near.settings
            for index, path in enumerate(settings.incidents_from[:MOST_SOURCES] if settings else ()):
                first = index if start is None else start
                if (why := _unknown(near, path)) is not None:
                    words = why if near is self else f"{near.workspace_name} takes incidents from {path}, and {why}"
                    unknown.append(UnknownSource(first, words, near is self))
                other = near.elsewhere(path)
                if other is not None and other.tree.place not in (self.tree.place, *found):
                    found[other.tree.place] = other
                    todo.append((other, first))
        return list(found.values()), unknown

    def names(self, folder: str) -> list[str]:
        """Return the names of the documents in one of the folders of a workspace, sorted."""
        if folder not in self._names:
            self._names[folder] = self._listed(folder)
        return self._names[folder]

    def _listed(self, folder: str) -> list[str]:
        """List a folder; ten thousand names are listed once, and not again for each of as many rollbacks."""
        if self._below is None:
            files = self.tree.names(folder)
            self._others_in[folder] = [name for name in files if not name.endswith(".yaml")]
            return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))
        names = self._below.names(folder)
        for path, content in self._edits.items():
            place, _, name = path.rpartition("/")
            if place == folder and name.endswith(".yaml"):
                names = _with(names, name.removesuffix(".yaml"), there=content is not None)
        return names

    def others(self, folder: str) -> list[str]:
        """Return the names of the other entries of such a folder: nothing reads them as documents."""
        if folder not in self._others_in:
            if self._below is None:
                self.names(folder)
            elif any(path.startswith(f"{folder}/") and not path.endswith(".yaml") for path in self._edits):
                self._others_in[folder] = [name for name in self.tree.names(folder) if not name.endswith(".yaml")]
            else:
                self._others_in[folder] = self._below.others(folder)
        return self._others_in[folder]

    def names_from(self, folder: str, start: str) -> list[str]:
        """Return those names in a folder that begin so."""
        names = self.names(folder)
        return names[bisect_left(names, start) : bisect_left(names, start + _LAST_LETTER)]

    def rollout(self, name: str) -> File[ModelRollout] | None:
        """Return a rollout by name."""
        return cast("File[ModelRollout] | None", self._named("rollouts", name))

    def require_rollout(self, name: str) -> File[ModelRollout]:
        """Return a rollout that loads, by name. UserError if there is none, or if it does not load."""
        file = self.rollout(name) if re.fullmatch(NAME, name) else None  # a name with `/` leads out of the folder
        if file is None:
            hint = did_you_mean(name, self.names("rollouts"))
            raise UserError(f"there is no rollout `{excerpt(name)}` here", hint=hint)
        file.require_model()
        return file

    def component(self, name: str) -> File[Component] | None:
        """Return a component by name."""
        return cast("File[Component] | None", self._named("components", name))

    def incident(self, name: str) -> File[Incident] | None:
        """Return an incident by name."""
        return cast("File[Incident] | None", self._named("incidents", name))

    def incidents_of(self, rollout: str, version: str | None = None) -> list[File[Incident]]:
        """Return the incidents of a rollout, or of one version of it, oldest first, without those that do not load.

        An incident bears its rollout's name and its version's label, so that only files of that name are read. What
        quarantines a version is asked of ``incidents.readings``, which has those that do not load as well.
        """
        start = f"{rollout}-" if version is None else f"{rollout}-{label(version)}"
        found = [
            file
            for file in map(self.incident, self.names_from("incidents", start))
            if file
            and file.model
            and file.model.spec.rollout == rollout
            and version in (None, file.model.spec.failed_version)
        ]
        return sorted(found, key=lambda file: (len(file.stem), file.stem))

    def pack(self, reference: str) -> File[PolicyPack] | None:
        """Return a policy pack: a shipped one by its name, one of the organization's by its path."""
        if reference.startswith("/") or ".." in reference.split("/"):
            return None
        if "/" in reference or reference.endswith(".yaml"):
            return cast("File[PolicyPack] | None", self.file(reference, "PolicyPack"))
        return _shipped_pack(f"policies/{reference}.yaml")

    def file(self, path: str, kind: str | None = None) -> File[Any] | None:
        """Return a file by its path; ``kind`` is what it should hold, None where its folder or itself says so."""
        if self._below is not None and path not in self._edits:
            return self._below.file(path, kind)
        if path not in self._files:
            content = self._content(path)
            self._files[path] = None if content is None else read_file(path, kind or kind_at(path), content)
        return self._files[path]

    def _content(self, path: str) -> bytes | None:
        """Read a file. Of those outside the workspace one concerns it: the pause of the whole git repository."""
        name = path.rpartition("/")[2]
        if not _is_pause_above(path):
            return self.tree.read(path)
        root = self.tree.elsewhere(path.removesuffix(f"/{name}"))
        return root.read(name) if root is not None else None

    def link(self, path: str) -> str | None:
        """Return the first part of a path that is a link or a submodule, None if no part is."""
        name = path.rpartition("/")[2]
        if not _is_pause_above(path):
            return self.tree.link(path)
        root = self.tree.elsewhere(path.removesuffix(f"/{name}"))
        return path if root is not None and root.link(name) is not None else None

    def _named(self, folder: str, name: str) -> File[Any] | None:
        return self.file(f"{folder}/{name}.yaml", FOLDERS[folder])


def _is_pause_above(path: str) -> bool:
    """Return whether a path leads out of the workspace, to a pause or to a file that is taken for one."""
    name = path.rpartition("/")[2]
    return path.startswith("../") and (name == PAUSE_FILE or is_mistaken_for_pause(name))


def _unknown(near: Repository, path: str) -> str | None:
    """Return why another workspace is not what ``incidentsFrom`` takes it for; None if it loads, or is this one."""
    tree = near.tree.elsewhere(path)
    if tree is not None and tree.place == near.tree.place:
        return None
    other = near.elsewhere(path)
    if other is None:
        return f"there is no workspace in {path}"
    return None if other.settings is not None else f"the workspace in {path} does not load"


def _with(names: list[str], name: str, *, there: bool) -> list[str]:
    """Return sorted names in which one is there, or is not."""
    at = bisect_left(names, name)
    if (names[at : at + 1] == [name]) == there:
        return names
    return [*names[:at], name, *names[at:]] if there else [*names[:at], *names[at + 1 :]]


@cache
def _shipped_pack(path: str) -> File[PolicyPack] | None:
    shipped = resources.find(path)
    return read_file(path, "PolicyPack", shipped.read_bytes()) if shipped.is_file() else None
