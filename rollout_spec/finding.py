"""A problem sits at a key of a document; a finding sits at a line of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    hint: str | None = None


@dataclass(frozen=True)
class Skipped:
    """A rule that could not run, and why."""

    name: str
    why: str
