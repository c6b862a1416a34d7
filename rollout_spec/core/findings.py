"""A problem sits at a key of a document; a finding sits at a line of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Severity = Literal["error", "warning", "info"]
KeyPath = tuple[str | int, ...]
"""The keys and list indexes that lead to a value, from the top of its document."""


@dataclass(frozen=True)
class Span:
    """Where something stands in a text: 1-based lines and columns, the end exclusive, columns in code points."""

    line: int
    column: int
    end_line: int
    end_column: int


WHOLE_FILE = Span(1, 1, 1, 1)


@dataclass(frozen=True)
class Problem:
    """What a rule or a model has to say, in terms of keys: only a Document knows lines.

    ``on_key`` points at the key itself rather than at its value. ``file`` is the document's path in the workspace where
    it is another one than the one under check.
    """

    path: KeyPath
    message: str
    hint: str | None = None
    severity: Severity = "error"
    on_key: bool = False
    file: str | None = None
    span: Span | None = None


MOST_PROBLEMS = 100
"""Errors, and warnings, that are told of one kind about one file."""


def bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Give the first hundred errors and warnings, and say that there are more: no report, and no file, has no end.

    What comes after the last error is not even looked for; warnings never stand before an error.
    """
    counts: dict[Severity, int] = {}
    for problem in problems:
        count = counts[problem.severity] = counts.get(problem.severity, 0) + 1
        if count <= MOST_PROBLEMS:
            yield problem
        elif count == MOST_PROBLEMS + 1:
            words = f"there is more of this kind in this file; {MOST_PROBLEMS} are told"
            yield replace(problem, message=words, hint="mend those first, and check again")
            if problem.severity == "error":
                return


@dataclass(frozen=True, order=True)
class Finding:
    """What a user reads: a severity, a message and a name at a place in a file."""

    file: str
    line: int
    column: int
    name: str
    message: str
    severity: Severity = "error"
    end_line: int = 1
    end_column: int = 1
    path: KeyPath = field(default=(), compare=False)
    hint: str | None = field(default=None, compare=False)

    @classmethod
    def at(cls, file: str, span: Span, name: str, problem: Problem, severity: Severity | None = None) -> Finding:
        """Return the finding for a problem at a span of a file; ``severity`` replaces that of the problem."""
        return cls(
            file=file,
            line=span.line,
            column=span.column,
            name=name,
            message=problem.message,
            severity=severity or problem.severity,
            end_line=span.end_line,
            end_column=span.end_column,
            path=problem.path,
            hint=problem.hint,
        )


@dataclass(frozen=True)
class Skipped:
    """A rule that could not run, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Silenced:
    """A finding that a comment or a waiver keeps quiet, and why; ``until`` is when a waiver ends, as it was written."""

    finding: Finding
    by: Literal["comment", "waiver"]
    reason: str
    until: str | None = None


@dataclass(frozen=True)
class Report:
    """What a check found, in the order of files and lines; what it could not look at; what it was told not to say."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    silenced: tuple[Silenced, ...] = ()

    @property
    def failed(self) -> bool:
        """Is there an error among the findings?"""
        return any(finding.severity == "error" for finding in self.findings)
