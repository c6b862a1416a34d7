"""Problems for the syntax errors of libyaml, with hints."""

from __future__ import annotations

import re
from typing import Any

from yaml.error import MarkedYAMLError, YAMLError

from rollout_spec.core.findings import WHOLE_FILE, Span
from rollout_spec.core.text import excerpt
from rollout_spec.core.yaml.decoding import LINE_BREAK, YAMLProblem, span_at

LONGEST_KEY = 1024
_MARKER = 7
_CONFLICT = re.compile(r"<<<<<<< \S|>>>>>>> \S")
"""A line that git writes around a conflict. Such a text is never YAML: a key of that form needs its `: `."""

_HINTS = (
    ("mapping values are not allowed", "quote a text that holds `: `, or check the indentation"),
    ("cannot start any token", "quote a text that begins with `%`, `@` or a backtick"),
    ("scanning an alias", "quote a text that begins with `*`"),
    ("scanning an anchor", "quote a text that begins with `&`"),
    ("scanning a tag", "quote a text that begins with `!`"),
    ("parsing a tag", "quote a text that begins with `!`"),
    ("scanning a quoted scalar", "end the text with the quote that it begins with"),
    ("parsing a quoted scalar", "double a backslash that is meant as one: `\\\\`"),
    ("parsing a flow", "quote a text that holds one of `[]{},`; a list ends with `]`, a mapping with `}`"),
    (
        "parsing a block",
        "begin all entries of a list or mapping in one column; end a text with the quote it begins with",
    ),
    ("block sequence entries", "a list begins on a line of its own"),
)


def syntax_problem(text: str, error: YAMLError) -> YAMLProblem:
    """Return the problem for an error of libyaml."""
    mark: Any = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    if not isinstance(error, MarkedYAMLError) or mark is None:
        return YAMLProblem(WHOLE_FILE, f"this is not YAML: {excerpt(str(error))}")
    if mark.index >= len(text) and error.context_mark:
        mark = error.context_mark  # a construct without an end is reported where it begins
    lines = LINE_BREAK.split(text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    message = f"{error.problem} ({error.context})" if error.context else str(error.problem)
    hint = next((hint for part, hint in _HINTS if part in message), None)
    if mark.column > LONGEST_KEY or (len(line) > LONGEST_KEY and "simple key" in message):
        message, hint = f"this key has more than {LONGEST_KEY:,} characters", "shorten it"
    elif "{{" in line or "{%" in line:
        hint = 'quote the template: "{{ … }}"'
    elif "\t" in line[: mark.column + 1]:
        message, hint = "a tab is not allowed here", "indent with spaces, not with tabs"
    span = Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    conflict = next((number for number, each in enumerate(lines) if _CONFLICT.match(each)), None)
    if conflict is not None:
        span = Span(conflict + 1, 1, conflict + 1, len(lines[conflict]) + 1)
        message = f"`{lines[conflict][:_MARKER]}` begins a merge conflict that is not resolved"
        return YAMLProblem(span, message, "keep one side, and delete the lines `<<<<<<<`, `=======` and `>>>>>>>`")
    if not line and mark.index >= len(text):  # at the end of the text, point at its last character
        last = max((number for number, text_of_line in enumerate(lines) if text_of_line), default=0)
        span = Span(last + 1, max(len(lines[last]), 1), last + 1, len(lines[last]) + 1)
    if mark.line >= len(lines):  # libyaml adds a line at the end of a text
        span = span_at(text, len(text))
    return YAMLProblem(span, f"this is not YAML: {message}", hint)
