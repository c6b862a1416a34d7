"""The files in ``incidents/``, by the rollouts that they may be about.

Some look like incidents, but no incident is read from them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Problem
from rollout_spec.core.units import label
from rollout_spec.core.yaml.document import Document
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay, Tree
from rollout_spec.workspace.working_tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.spec.incident import Incident

FOLDER = "incidents"
_DOCUMENT = re.compile(r"(.+)\.ya?ml", re.IGNORECASE)
_PLAIN = re.compile(r"[a-z0-9-]+")
_MOST_NESTED = 1000
_DEEPEST = 5


def files_about(rollout: str, repository: Repository) -> list[File[Incident]]:
    """Return the files that may be about a rollout.

    The name of such a file begins with the rollout's name, or its content names the rollout.
    """
    usual = (f"{FOLDER}/{name}.yaml" for name in repository.names_from(FOLDER, f"{rollout}-"))
    return [file_at(path, repository) for path in dict.fromkeys((*usual, *_unusual(repository).about.get(rollout, ())))]


def all_paths(repository: Repository) -> list[str]:
    """Return the paths of all incidents, and of files that look like incidents but are not read."""
    usual = (f"{FOLDER}/{name}.yaml" for name in repository.names(FOLDER))
    return list(dict.fromkeys((*usual, *misplaced_files(repository))))


def rollouts_concerned(paths: Collection[str], before: Repository, after: Repository) -> set[str]:
    """Return the rollouts whose incidents may differ after a change of these paths in ``incidents/``.

    A rollout that the change adds or removes may also make a file that concerned another one be about itself. Names
    of rollouts that do not exist may be among the result.
    """
    concerned = {start for path in paths for stem in _stems(path) for start in starts_of(stem)}
    if not paths and before.names("rollouts") == after.names("rollouts"):
        return concerned
    old, new = _unusual(before).about, _unusual(after).about
    for rollout in {*old, *new}:
        files = old.get(rollout, []), new.get(rollout, [])
        if files[0] != files[1] or any(f"{file}/".startswith(f"{path}/") for path in paths for file in files[0]):
            concerned.add(rollout)
    return concerned


def _stems(path: str) -> tuple[str, str]:
    """Return the stem of a path as it is written, and in the spelling of incidents."""
    return path.rpartition("/")[2].removesuffix(".yaml"), stem_of(path)


def misplaced_files(repository: Repository) -> Iterator[str]:
    """Yield the paths of files that look like incidents but are not read.

    They have a wrong suffix, or lie in a subfolder.
    """
    rollouts = set(repository.names("rollouts"))
    for name in repository.others(FOLDER):
        yield from _misplaced(f"{FOLDER}/{name}", repository, rollouts, _DEEPEST)


def _misplaced(path: str, repository: Repository, rollouts: Collection[str], depth: int) -> Iterator[str]:
    name = path.rpartition("/")[2]
    inside = repository.tree.names(path)[:_MOST_NESTED] if depth else []
    if _DOCUMENT.fullmatch(name) or any(start in rollouts for start in starts_of(name)):
        yield path
    for entry in inside:
        yield from _misplaced(f"{path}/{entry}", repository, rollouts, depth - 1)


def file_at(path: str, repository: Repository) -> File[Incident]:
    """Read an incident.

    A path that is not a regular file, or cannot be read, is a file that does not load.
    """
    file: File[Incident] | None = None
    stem = path.rpartition("/")[2].removesuffix(".yaml")
    if path == f"{FOLDER}/{stem}.yaml" and not _is_link(repository.tree, path):
        try:
            file = repository.incident(stem)
        except UserError:  # the file exists, but the disk fails to read it
            file = None
    problem = Problem((), "no incident is read from this", f"an incident is a file {FOLDER}/<name>.yaml")
    return file or File(path, "Incident", b"", Document("", broken=True), None, (problem,))


def _is_link(tree: Tree, path: str) -> bool:
    """Return whether a path of the working tree is a symbolic link. In a commit a link is not a file."""
    while isinstance(tree, Overlay):
        if path in tree.edits:
            return False
        tree = tree.below
    return isinstance(tree, WorkingTree) and (tree.root / path).is_symlink()


def stem_of(path: str) -> str:
    """Return the stem of a file in the spelling of incidents: lower case, with ``-`` for other characters."""
    name = path.rpartition("/")[2]
    match = _DOCUMENT.fullmatch(name)
    return label(match[1] if match else name)


def written_rollout(file: File[Incident]) -> str | None:
    """Return the rollout that a file names, also if it does not load. None if it names none."""
    return file.model.spec.rollout if file.model else written_value(file, "rollout")


def written_value(file: File[Incident], field: str) -> str | None:
    """Return a scalar of ``spec`` as it is written, or None if it cannot be read."""
    scalar = file.document.scalar(("spec", field)) if file.document.data is not None else None
    return str(scalar.value) if scalar is not None else None


def starts_of(stem: str) -> Iterator[str]:
    """Yield the names of rollouts that the name of an incident may begin with."""
    yield from (stem[:at] for at in range(len(stem)) if stem[at] == "-")


@dataclass(frozen=True)
class UnusualFiles:
    """The files in ``incidents/`` whose names do not begin with a rollout.

    They are kept by the rollouts in their content. ``rollouts`` are the names of all rollouts.
    """

    paths: frozenset[str]
    about: Mapping[str, list[str]]
    rollouts: frozenset[str]


def _unusual(repository: Repository) -> UnusualFiles:
    """Return the unusual files. An edited repository reuses them if its edits touch none of them."""
    return repository.unrendered.once("unusual incidents", _unusual_of)


def _unusual_of(repository: Repository) -> UnusualFiles:
    rollouts, origin = repository.names("rollouts"), repository.edited_from
    below = _unusual(origin[0]) if origin is not None and origin[0].names("rollouts") is rollouts else None
    edits = [path for path in origin[1] if path.startswith(f"{FOLDER}/")] if origin is not None else []
    if below is not None and not any(path in below.paths or _is_unusual(path, below.rollouts) for path in edits):
        return below
    return _indexed(repository, frozenset(rollouts))


def _indexed(repository: Repository, known: frozenset[str]) -> UnusualFiles:
    paths = [f"{FOLDER}/{name}.yaml" for name in repository.names(FOLDER)]
    paths = [path for path in paths if _is_unusual(path, known)] + list(misplaced_files(repository))
    about: dict[str, list[str]] = {}
    for path in paths:
        written = written_rollout(file_at(path, repository))
        for rollout in {*starts_of(stem_of(path)), *([written] if written is not None else [])} & known:
            about.setdefault(rollout, []).append(path)
    return UnusualFiles(frozenset(paths), about, known)


def _is_unusual(path: str, rollouts: Set[str]) -> bool:
    stem = path.removeprefix(f"{FOLDER}/").removesuffix(".yaml")
    is_plain = _PLAIN.fullmatch(stem) is not None  # most are; their spelling need not be compared
    return not (is_plain or stem == stem_of(path)) or not any(start in rollouts for start in starts_of(stem))
