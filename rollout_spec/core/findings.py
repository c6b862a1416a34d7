"""Problems at the keys of a document, and findings at the lines of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Severity = Literal["error", "warning", "info"]
KeyPath = tuple[str | int, ...]
"""The keys and list indexes that lead to a value, from the top of its document."""


@dataclass(frozen=True)
class Span:
    """A range in a text: 1-based lines and columns, the end exclusive, columns in code points."""

    line: int
    column: int
    end_line: int
    end_column: int


WHOLE_FILE = Span(1, 1, 1, 1)


@dataclass(frozen=True)
class Problem:
    """A problem at a key path. Only a Document knows the line of a key.

    ``on_key`` points at the key instead of its value. ``file`` is the path of another document than the checked one.
    """

    path: KeyPath
    message: str
    hint: str | None = None
    severity: Severity = "error"
    on_key: bool = False
    file: str | None = None
    span: Span | None = None


MOST_PROBLEMS = 100
"""The errors, and the warnings, of one kind that are reported for one file."""


def bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield at most ``MOST_PROBLEMS`` errors and warnings, then a note that there are more.

    Nothing is computed after the last error: callers yield errors before warnings.
    """
    counts: dict[Severity, int] = {}
    for problem in problems:
        count = counts[problem.severity] = counts.get(problem.severity, 0) + 1
        if count <= MOST_PROBLEMS:
            yield problem
        elif count == MOST_PROBLEMS + 1:
            message = f"this file has more problems of this kind; only {MOST_PROBLEMS} are shown"
            yield replace(problem, message=message, hint="fix these first, then check again")
            if problem.severity == "error":
                return


@dataclass(frozen=True, order=True)
class Finding:
    """A problem as reported to the user: file, line, column, rule name, severity and message."""

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
    """A rule that could not run, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Silenced:
    """A finding that a comment or a waiver suppresses. ``until`` is the end of a waiver, as written."""

    finding: Finding
    by: Literal["comment", "waiver"]
    reason: str
    until: str | None = None


@dataclass(frozen=True)
class Report:
    """The result of a check: findings sorted by file and line, skipped rules and suppressed findings.

    ``files`` is the number of checked files, 0 if nothing counted them. ``unexamined`` is the number of rollouts that
    were not, because nothing that they depend on differs from the base.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    files: int = 0
    unexamined: int = 0

    @property
    def failed(self) -> bool:
        """Return whether one of the findings is an error."""
        return any(finding.severity == "error" for finding in self.findings)
