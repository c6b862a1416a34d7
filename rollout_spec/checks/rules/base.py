"""A rule looks at one file of a repository, perhaps beside the same file on the base branch, and gives problems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rollout_spec.core.findings import Problem
from rollout_spec.domain.incidents import files_about
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class Subject:
    """The file under check. ``base`` is the repository to compare with.

    ``whole`` says that the whole workspace is under check; ``rules`` are the names that a workspace may raise or lower,
    and ``firm`` those of them that no comment silences. ``taken`` are the names of all rules.
    ``now`` is when it is checked; None where that is not to matter, as in a rollback.
    """

    file: File[Any]
    repository: Repository
    base: Repository | None = None
    whole: bool = False
    rules: tuple[str, ...] = ()
    now: datetime | None = None
    firm: tuple[str, ...] = ()
    taken: Collection[str] = ()

    @property
    def model(self) -> Any:
        """The file's model; rules that come after ``schema`` find it there."""
        return self.file.model

    @property
    def before(self) -> Any:
        """The model of the same file on the base; None where it is not there, or does not load."""
        file = self.base.file(self.file.path, self.file.kind) if self.base else None
        return file.model if file else None

    @property
    def inputs(self) -> Iterator[File[Any]]:
        """The files beside a rollout's own that decide what is rendered of it: its workspace, components, incidents."""
        repository, rollout = self.repository, self.model if self.file.kind == "ModelRollout" else None
        pinned = rollout.spec.component_names if rollout else ()
        incidents = files_about(self.file.stem, repository) if rollout else ()
        files = (repository.workspace, *map(repository.component, pinned), *incidents)
        return (file for file in files if rollout and file)


class Rule(Protocol):
    """One module of this package: its docstring is its published documentation."""

    __doc__: str | None
    KINDS: frozenset[str]
    """The kinds of files that it looks at."""
    NEEDS: str
    """``base`` where it compares with one, ``whole`` where it is run for a whole workspace only, else empty."""
    UNCONDITIONAL: bool
    """Does no workspace raise or lower it, and no comment silence it?"""

    def check(self, subject: Subject, /) -> Iterable[Problem]:
        """Give what is wrong with the subject."""
