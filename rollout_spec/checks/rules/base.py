"""The interface of a rule, and what a rule may look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rollout_spec.core.findings import Problem
from rollout_spec.domain.incident_files import files_about
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class Subject:
    """The file under check. ``base`` is the repository to compare with.

    ``whole`` means that the whole workspace is under check. ``configurable`` are the rules whose severity a workspace
    may set, ``base_severity`` those of them that no comment silences, ``rule_names`` all rules. ``now`` is the time of
    the check, or None if time must not matter, as in a rollback. ``settled`` are comparisons with all others that have
    the same result as on the base: ``hosts`` of rollouts, names of ``workspaces``.
    """

    file: File[Any]
    repository: Repository
    base: Repository | None = None
    whole: bool = False
    configurable: tuple[str, ...] = ()
    now: datetime | None = None
    base_severity: tuple[str, ...] = ()
    rule_names: Collection[str] = ()
    settled: frozenset[str] = frozenset()

    @property
    def model(self) -> Any:
        """The file's model. It is not None for rules that run after ``schema``."""
        return self.file.model

    @property
    def before(self) -> Any:
        """The model of the same file on the base, or None if it is absent or does not load."""
        file = self.base.file(self.file.path, self.file.kind) if self.base else None
        return file.model if file else None

    @property
    def inputs(self) -> Iterator[File[Any]]:
        """The other files that decide how a rollout is rendered: its workspace, components and incidents."""
        repository, rollout = self.repository, self.model if self.file.kind == "ModelRollout" else None
        pinned = rollout.spec.component_names if rollout else ()
        incidents = files_about(self.file.stem, repository) if rollout else ()
        files = (repository.workspace, *map(repository.component, pinned), *incidents)
        return (file for file in files if rollout and file)


class Rule(Protocol):
    """One module of this package: its docstring is its published documentation."""

    __name__: str
    __doc__: str | None
    KINDS: frozenset[str]
    """The kinds of files that the rule checks."""
    NEEDS: str
    """``base`` if the rule compares with one, ``whole`` if it needs a check of the whole workspace, else empty."""
    UNCONDITIONAL: bool
    """Whether no workspace can set the rule's severity, and no comment can silence it."""

    def check(self, subject: Subject, /) -> Iterable[Problem]:
        """Yield the problems of the subject."""
