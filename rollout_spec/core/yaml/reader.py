"""YAML gives the same bytes many readings: this one accepts what has one, and says what to write instead of the rest.

``no`` is false to some, ``1.10`` is 1.1, ``12:30`` is 750, a later key silently wins, nine aliases become a gigabyte.
Here bare words are text. It works on libyaml's events, so that nothing is expanded, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml import events as ev
from yaml.error import MarkedYAMLError, YAMLError

from rollout_spec.core.findings import MOST_PROBLEMS, WHOLE_FILE, Severity, Span
from rollout_spec.core.text import excerpt
from rollout_spec.core.yaml.decoding import LINE_BREAK, Unreadable, YAMLProblem, span_at, whole
from rollout_spec.core.yaml.decoding import MAX_BYTES as MAX_BYTES
from rollout_spec.core.yaml.scalars import is_ambiguous, is_text, quote, resolve

try:
    from yaml._yaml import CParser as CParser  # said twice: `document` takes it from here
except ImportError as missing:
    raise ImportError(
        "rollout-spec reads YAML with libyaml, and this PyYAML was built without it: "
        "install a PyYAML wheel, or libyaml's headers before building PyYAML"
    ) from missing

EMPTY = "this file is empty"
MAX_DEPTH = 64
MAX_VALUES = 50_000
_LONGEST_KEY = 1024
_QUOTES = "'\""

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
    ("parsing a block", "entries of one list or mapping begin in one column; what begins with a quote ends with it"),
    ("block sequence entries", "a list begins on a line of its own"),
)


class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.flaws: list[YAMLProblem] = []
        self.told: dict[Severity, int] = {}
        self.trail: list[str | int] = []
        """The path of the value that is being read."""
        self.count = 0
        self.last: Any = None
        """The end of the last mapping or list."""
        self.goes_on = False
        """Whether a bracket or a quote ends on another line than it begins on."""
        self.next: Callable[[], Any] = CParser(text).get_event

    def read(self) -> Any:
        try:
            self.next()
            start = self.next()
            if not isinstance(start, ev.DocumentStartEvent):
                raise whole(EMPTY, "write `apiVersion`, `kind`, `metadata` and `spec`")
            data = self.value(self.next())
            self.next()
            more = self.next()
            if not isinstance(more, ev.StreamEndEvent):
                raise _at_event(
                    more, "a second document begins here", "one file holds one document: move it to a file of its own"
                )
        except YAMLError as error:
            raise Unreadable(self.syntax(error)) from None
        return data

    def value(self, event: Any) -> Any:
        kind = event.__class__
        self.count += 1
        if self.count > MAX_VALUES:
            raise _at_event(event, f"more than {MAX_VALUES:,} values in one file", "split it into several files")
        if kind is ev.ScalarEvent:
            return self.scalar(event)
        if kind is ev.AliasEvent:
            raise _at_event(
                event,
                f"`*{excerpt(event.anchor)}` is an alias; what is written here must be seen here",
                "write the value out",
            )
        self.refuse_properties(event)
        if len(self.trail) >= MAX_DEPTH:
            raise _at_event(event, f"more than {MAX_DEPTH} levels deep", "a spec needs fewer than ten levels")
        data: Any = self.mapping() if kind is ev.MappingStartEvent else self.sequence()
        if event.flow_style and self.last.start_mark.line != event.start_mark.line:
            self.goes_on = True
        return data

    def mapping(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        keys: dict[str, Any] = {}
        advance, trail = self.next, self.trail
        trail.append("")
        while (event := advance()).__class__ is not ev.MappingEndEvent:
            key = self.key(event)
            if key in data:
                self.duplicate(event, keys[key])
            keys[key] = event
            data[key] = self.value(advance())
        self.last = event
        trail.pop()
        return data

    def sequence(self) -> list[Any]:
        data: list[Any] = []
        advance, trail = self.next, self.trail
        trail.append(0)
        while (event := advance()).__class__ is not ev.SequenceEndEvent:
            data.append(self.value(event))
            trail[-1] = len(data)
        self.last = event
        trail.pop()
        return data

    def key(self, event: Any) -> str:
        """Return a key, which from now on is the end of the trail."""
        if event.__class__ is not ev.ScalarEvent:
            if event.__class__ is ev.AliasEvent:
                self.value(event)
            index = event.start_mark.index
            template = "{{" in self.text[max(index - 1, 0) : index + 2]
            hint = 'quote the template: "{{ … }}"' if template else "a key is a word"
            raise _at_event(event, "a mapping or list cannot be a key", hint)
        key: str = event.value
        self.trail[-1] = key
        if len(key) > _LONGEST_KEY:  # libyaml refuses it too, but not after `?`
            raise _at_event(event, f"a key of more than {_LONGEST_KEY:,} characters", "shorten it")
        if event.implicit[0]:
            if key == "<<":
                raise _at_event(
                    event, "`<<` merges are not read; what is written here must be seen here", "write the fields out"
                )
            told = len(self.flaws)
            meaning = self.scalar(event, on_key=True)
            if meaning.__class__ is not str and len(self.flaws) == told:
                self.flaw(event, f"the key `{excerpt(key)}` is not text to YAML", f'quote it: "{excerpt(key)}"')
        else:
            self.refuse_properties(event)
        return key

    def scalar(self, event: Any, *, on_key: bool = False) -> Any:
        if event.anchor is not None or event.tag is not None:
            self.refuse_properties(event)
        text: str = event.value
        if not event.implicit[0]:
            if " " in text or "\n" in text:  # as there is where a line ends
                self.goes_on |= event.start_mark.line != event.end_mark.line and event.style in _QUOTES
            return text
        if is_text(text):
            return text
        try:
            value = resolve(text)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            self.flaw(event, message, hint)
            return None
        if value.__class__ is str and is_ambiguous(text):
            message = f"`{excerpt(text)}` is text here, and something else to other YAML readers"
            hint = f"quote it: {quote(excerpt(text))}" if on_key else f"write {_meant(text)}"
            self.flaw(event, message, hint, "warning")
        return value

    def refuse_properties(self, event: Any) -> None:
        if event.anchor is not None:
            raise _at_event(
                event,
                f"`&{excerpt(event.anchor)}` is an anchor; what is written here must be seen here",
                "write the value out where it is used",
            )
        if event.tag is not None:
            written = self.text[event.start_mark.index :].split(maxsplit=1)[0]
            raise _at_event(
                event, f"`{excerpt(written)}` is a tag; a value's type follows from its field", "remove the tag"
            )

    def duplicate(self, event: Any, first: Any) -> None:
        message = f"`{excerpt(event.value)}` is here twice; it stands on line {first.start_mark.line + 1} already"
        self.flaw(event, message, "keep one of them")

    def flaw(self, event: Any, message: str, hint: str | None, severity: Severity = "error") -> None:
        count = self.told[severity] = self.told.get(severity, 0) + 1
        if count > MOST_PROBLEMS + 1:
            return
        place = span_of(event.start_mark, event.end_mark)
        self.flaws.append(YAMLProblem(place, message, hint, tuple(self.trail), severity))

    def syntax(self, error: YAMLError) -> YAMLProblem:
        """Say in our words what libyaml could not read."""
        mark: Any = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        if not isinstance(error, MarkedYAMLError) or mark is None:
            return YAMLProblem(WHOLE_FILE, f"this is not YAML: {excerpt(str(error))}")
        if mark.index >= len(self.text) and error.context_mark:
            mark = error.context_mark  # what has no end is told where it begins
        lines = LINE_BREAK.split(self.text)
        line = lines[mark.line] if mark.line < len(lines) else ""
        words = f"{error.problem} ({error.context})" if error.context else str(error.problem)
        hint = next((hint for part, hint in _HINTS if part in words), None)
        if mark.column > _LONGEST_KEY or (len(line) > _LONGEST_KEY and "simple key" in words):
            words, hint = f"a key of more than {_LONGEST_KEY:,} characters", "shorten it"
        elif "{{" in line or "{%" in line:
            hint = 'quote the template: "{{ … }}"'
        elif "\t" in line[: mark.column + 1]:
            hint = "indent with spaces, not with tabs"
        place = Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
        if not line and mark.index >= len(self.text):  # the end of the text: its last character is told
            last = max((number for number, each in enumerate(lines) if each), default=0)
            place = Span(last + 1, max(len(lines[last]), 1), last + 1, len(lines[last]) + 1)
        if mark.line >= len(lines):  # libyaml ends a text with a line of its own
            place = span_at(self.text, len(self.text))
        return YAMLProblem(place, f"this is not YAML: {words}", hint)


def _meant(text: str) -> str:
    text = excerpt(text)
    lower = text.lower()
    if lower in {"yes", "on", "true", "y"}:
        return f"`true`, or quote it: {quote(text)}"
    if lower in {"no", "off", "false", "n"}:
        return f"`false`, or quote it: {quote(text)}"
    return (
        f"a plain number, or quote it: {quote(text)}" if text[:1] in "0123456789+-." else f"it in quotes: {quote(text)}"
    )


def span_of(start: Any, end: Any) -> Span:
    if end.line != start.line:
        return Span(start.line + 1, start.column + 1, start.line + 1, start.column + 2)
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _at_event(event: Any, message: str, hint: str) -> Unreadable:
    return Unreadable(YAMLProblem(span_of(event.start_mark, event.end_mark), message, hint))
