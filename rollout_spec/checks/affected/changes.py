"""The changed paths of a workspace, sorted by what they are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from rollout_spec.checks.affected.sources import other_workspaces
from rollout_spec.checks.policies import pack_paths
from rollout_spec.checks.rules import no_links
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import NAME
from rollout_spec.domain.incident_files import rollouts_concerned
from rollout_spec.render.outputs import alerts_of
from rollout_spec.spec.kinds import ALERTS, FOLDERS, MANIFESTS, WORKSPACE_FILE
from rollout_spec.workspace.repository import Repository

_ATTRIBUTES = ".gitattributes"
_OWN_NAME = re.compile(rb"rollout[-_.]spec", re.IGNORECASE)
"""The name of this tool as pip reads it."""
_PROSE = (".md", ".rst")


class UndecidableError(Exception):
    """It cannot be decided which files depend on a change."""


@dataclass
class Changes:
    """What changed in a workspace: names of documents and targets.

    ``rollouts`` are those whose own file changed, ``touched`` those that another changed file is about. ``paths`` are
    all changed paths from the workspace. ``has_other_names``: another workspace may have a new name.
    """

    rollouts: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    components: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)
    paths: frozenset[str] = frozenset()
    has_other_names: bool = False


def sort_out(changed: Collection[str], repository: Repository, base: Repository, prefix: str) -> Changes:
    """Return the changes of a workspace. UndecidableError if one may concern every file."""
    if repository.settings is None or base.settings is None:
        raise UndecidableError
    paths = frozenset(posixpath.relpath(path, prefix) if prefix else path.rstrip("/") for path in changed)
    own = {path for path in paths if not path.startswith("../")} | set(_unlisted(repository, base))
    changes = Changes(paths=frozenset(own))
    changes.has_other_names = any(path.rpartition("/")[2] == WORKSPACE_FILE for path in paths)
    changes.has_other_names |= any(path.endswith("/") for path in changed)
    _refuse_general(paths, repository, base)
    packs = [posixpath.normpath(path) for path in pack_paths(repository)]
    for path in own:
        if path == WORKSPACE_FILE or any(f"{pack}/".startswith(f"{path}/") for pack in packs):
            raise UndecidableError
        _sort_in(path, changes)
    changes.components |= set(_components_with_contract(own, repository, base))
    incidents = {path for path in own if path.startswith("incidents/")}
    changes.touched |= rollouts_concerned(incidents, base, repository)
    for other in other_workspaces(repository, base):
        if other is None:
            raise UndecidableError
        changes.touched |= _touched_elsewhere(paths, *other)
    return changes


def _unlisted(repository: Repository, base: Repository) -> Iterator[str]:
    """Yield the entries of the folders of documents that only one side has: git lists no empty folder."""
    for folder in FOLDERS:
        yield from (f"{folder}/{name}.yaml" for name in {*repository.names(folder)} ^ {*base.names(folder)})


def _sort_in(path: str, changes: Changes) -> None:
    """Sort in one path. UndecidableError if it is a whole folder of the workspace, or has a strange name."""
    folder, _, rest = path.partition("/")
    if folder not in no_links.OWN:
        return
    entry = rest.partition("/")[0]
    if not entry:
        raise UndecidableError
    name = entry.removesuffix(".yaml")
    if folder in FOLDERS and entry != name:
        changes.documents.add(f"{folder}/{entry}")
    if folder == "rollouts" and entry != name:
        changes.rollouts.add(name)
    elif folder == "components" and entry != name:
        changes.components.add(_checked(name))
    elif folder == "templates":
        changes.targets.add(_checked(entry))
    elif folder in (MANIFESTS, ALERTS):
        changes.touched.add(alerts_of(entry) if folder == ALERTS else entry)


def _checked(name: str) -> str:
    """Return a name that rollouts can only write as it is. UndecidableError if it is none."""
    if not re.fullmatch(NAME, name):
        raise UndecidableError
    return name


def _refuse_general(paths: Collection[str], repository: Repository, base: Repository) -> None:
    """Raise UndecidableError if a path concerns the whole workspace, or may name a release of this tool."""
    for path in paths:
        name = path.rpartition("/")[2]
        if path in (".", "..") or not path.strip("./") or name == _ATTRIBUTES:
            raise UndecidableError
        if name.endswith(_PROSE) or _is_of_workspace(path, (repository, base)):
            continue
        if any(_OWN_NAME.search(content or b"") for content in _contents(path, (repository, base))):
            raise UndecidableError


def _is_of_workspace(path: str, repositories: Sequence[Repository]) -> bool:
    """Return whether a path is in a folder of this workspace, or of another one.

    The other one must be there on both sides.
    """
    parts = path.split("/")
    folders = ["/".join(parts[:at]) for at, part in enumerate(parts) if part in no_links.OWN]
    return any(not folder or all(each.elsewhere(folder) for each in repositories) for folder in folders)


def _contents(path: str, repositories: Sequence[Repository]) -> Iterator[bytes | None]:
    """Yield the contents of a path outside of the folders of documents, which may be a pin of this tool."""
    above, _, name = path.rpartition("/")
    for repository in repositories:
        tree = repository.tree.elsewhere(above) if above.startswith("..") else repository.tree
        yield tree.read(name if above.startswith("..") else path) if tree is not None else None


def _components_with_contract(paths: Collection[str], repository: Repository, base: Repository) -> Iterator[str]:
    """Yield the components with a contract among the paths. UndecidableError if one does not load."""
    for side in (repository, base):
        for name in side.names("components"):
            content = side.tree.read(f"components/{name}.yaml")
            if content is None or (b"contract" not in content and b"\\" not in content):
                continue
            file = side.component(name)
            if file is None or file.model is None:
                raise UndecidableError
            contract = file.model.spec.contract
            start = posixpath.normpath(contract.partition("{version}")[0]) if contract else None
            if start and any(path.startswith(start) or start.startswith(path) or start == "." for path in paths):
                yield _checked(name)


def _touched_elsewhere(paths: Collection[str], folder: str, after: Repository, before: Repository) -> set[str]:
    """Return the rollouts that changes in another workspace may concern here, by the same name."""
    inside = {path.removeprefix(f"{folder}/") for path in paths if path.startswith(f"{folder}/")}
    if any(f"{folder}/".startswith(f"{path}/") for path in paths):
        raise UndecidableError
    if inside & {WORKSPACE_FILE, "rollouts", "incidents"}:
        raise UndecidableError
    try:
        names = {path.split("/")[1].removesuffix(".yaml") for path in inside if path.startswith("rollouts/")}
        incidents = {path for path in inside if path.startswith("incidents/")}
        return names | rollouts_concerned(incidents, before, after)
    except UserError:
        raise UndecidableError from None
