"""A strict YAML reader: it refuses text that YAML readers interpret in different ways.

Some readers read ``no`` as false, ``1.10`` as 1.1 and ``12:30`` as 750. A duplicate key silently wins, and nine aliases
expand to a gigabyte. Here bare words are text, and aliases are refused. The reader works on libyaml's events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml import events as ev
from yaml.error import YAMLError

from rollout_spec.core.findings import MOST_PROBLEMS, Severity, Span
from rollout_spec.core.text import excerpt
from rollout_spec.core.yaml.decoding import MAX_BYTES as MAX_BYTES
from rollout_spec.core.yaml.decoding import UnreadableError, YAMLProblem, whole
from rollout_spec.core.yaml.scalars import is_ambiguous, is_text, quote, resolve
from rollout_spec.core.yaml.syntax_errors import LONGEST_KEY, syntax_problem

try:
    from yaml._yaml import CParser as CParser  # `as` marks it as exported: `document` imports it from here
except ImportError as missing:
    raise ImportError(
        "rollout-spec reads YAML with libyaml, and this PyYAML was built without it: "
        "install a PyYAML wheel, or libyaml's headers before building PyYAML"
    ) from missing

EMPTY = "this file is empty"
MAX_DEPTH = 64
MAX_VALUES = 50_000
_NUL = "Kubernetes accepts no NUL character in a text"
_QUOTES = "'\""
_SCALAR = ev.ScalarEvent
_MAPPING_END = ev.MappingEndEvent
_KNOWN_KEYS: set[str] = set()
"""Bare keys that were read without a problem: most keys of a file are those of the file before."""
_MOST_KNOWN_KEYS = 4096


class Reader:
    """The reader of one text.

    ``trail`` is the path of the current value, ``last`` the end event of the last collection. ``goes_on``: a bracket or
    a quote ends on another line than it begins on.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[YAMLProblem] = []
        self.counts: dict[Severity, int] = {}
        self.trail: list[str | int] = []
        self.count = 0
        self.last: Any = None
        self.goes_on = False
        self.next: Callable[[], Any] = CParser(text).get_event

    def read(self) -> Any:
        """Return the data of the text. UnreadableError if it cannot be read to its end."""
        try:
            self.next()
            start = self.next()
            if not isinstance(start, ev.DocumentStartEvent):
                raise whole(EMPTY, "write `apiVersion`, `kind`, `metadata` and `spec`")
            data = self.value(self.next())
            self.next()
            event = self.next()
            if not isinstance(event, ev.StreamEndEvent):
                raise _at_event(
                    event, "a second document begins here", "write one document per file: move this one to another file"
                )
        except YAMLError as error:
            raise UnreadableError(syntax_problem(self.text, error)) from None
        return data

    def value(self, event: Any) -> Any:
        """Return the value that begins with an event."""
        kind = event.__class__
        self.count += 1
        if self.count > MAX_VALUES:
            raise _at_event(event, f"this file has more than {MAX_VALUES:,} values", "split it into several files")
        if kind is ev.ScalarEvent:
            return self.scalar(event)
        if kind is ev.AliasEvent:
            raise _at_event(
                event,
                f"`*{excerpt(event.anchor)}` is an alias; aliases are not allowed",
                "write the value out",
            )
        self.refuse_properties(event)
        if len(self.trail) >= MAX_DEPTH:
            raise _at_event(event, f"this is nested more than {MAX_DEPTH} levels deep", "use fewer than ten levels")
        data: Any = self.mapping() if kind is ev.MappingStartEvent else self.sequence()
        if event.flow_style and self.last.start_mark.line != event.start_mark.line:
            self.goes_on = True
        return data

    def mapping(self) -> dict[str, Any]:
        """Return the mapping whose start event was read last."""
        data: dict[str, Any] = {}
        keys: dict[str, Any] = {}
        advance, trail, known = self.next, self.trail, _KNOWN_KEYS
        trail.append("")
        while (event := advance()).__class__ is not _MAPPING_END:
            key = event.value if event.__class__ is _SCALAR else None
            if key in known and event.implicit[0] and event.anchor is None and event.tag is None:
                trail[-1] = key  # most keys, without another call
            else:
                key = self.key(event)
            if key in data:
                self.duplicate(event, keys[key])
            keys[key] = event
            event = advance()
            if event.__class__ is _SCALAR and self.count < MAX_VALUES:  # most values, without another call
                self.count += 1
                data[key] = self.scalar(event)
            else:
                data[key] = self.value(event)
        self.last = event
        trail.pop()
        return data

    def sequence(self) -> list[Any]:
        """Return the list whose start event was read last."""
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
        """Return a key, and make it the end of the trail."""
        if event.__class__ is not _SCALAR:
            if event.__class__ is ev.AliasEvent:
                self.value(event)
            index = event.start_mark.index
            template = "{{" in self.text[max(index - 1, 0) : index + 2]
            hint = 'quote the template: "{{ … }}"' if template else "use a text as the key"
            raise _at_event(event, "a mapping or list cannot be a key", hint)
        key: str = event.value
        self.trail[-1] = key
        if len(key) > LONGEST_KEY:  # libyaml refuses it too, but not after `?`
            raise _at_event(event, f"this key has more than {LONGEST_KEY:,} characters", "shorten it")
        if event.implicit[0]:
            if key == "<<":
                raise _at_event(event, "`<<` merges are not allowed", "write the fields out")
            count = len(self.problems)
            meaning = self.scalar(event, on_key=True)
            if len(self.problems) == count:
                if meaning.__class__ is not str:
                    self.report(event, f"the key `{excerpt(key)}` is not text to YAML", f'quote it: "{excerpt(key)}"')
                elif len(_KNOWN_KEYS) < _MOST_KNOWN_KEYS and not is_ambiguous(key):  # not each problem is reported
                    _KNOWN_KEYS.add(key)
        else:
            self.refuse_properties(event)
            if "\0" in key:
                self.report(event, _NUL, "remove it")
        return key

    def scalar(self, event: Any, *, on_key: bool = False) -> Any:
        """Return the value of a scalar, and report a text that other readers read as another value."""
        if event.anchor is not None or event.tag is not None:
            self.refuse_properties(event)
        text: str = event.value
        if not event.implicit[0]:
            if " " in text or "\n" in text:  # as there is where a line ends
                self.goes_on |= event.start_mark.line != event.end_mark.line and event.style in _QUOTES
            if "\0" in text:
                self.report(event, _NUL, "remove it")
            return text
        if is_text(text):
            return text
        try:
            value = resolve(text)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            self.report(event, message, hint)
            return None
        if value.__class__ is str and is_ambiguous(text):
            message = f"`{excerpt(text)}` is text here, but another value to other YAML readers"
            hint = f"quote it: {quote(excerpt(text))}" if on_key else f"write {_meant(text)}"
            self.report(event, message, hint, "warning")
        return value

    def refuse_properties(self, event: Any) -> None:
        """Raise UnreadableError if an event has an anchor or a tag."""
        if event.anchor is not None:
            raise _at_event(
                event,
                f"`&{excerpt(event.anchor)}` is an anchor; anchors are not allowed",
                "write the value out where it is used",
            )
        if event.tag is not None:
            written = self.text[event.start_mark.index :].split(maxsplit=1)[0]
            raise _at_event(
                event, f"`{excerpt(written)}` is a tag; the field determines the type of a value", "remove the tag"
            )

    def duplicate(self, event: Any, first: Any) -> None:
        """Report a duplicate key."""
        message = f"`{excerpt(event.value)}` is a duplicate key; line {first.start_mark.line + 1} has it already"
        self.report(event, message, "keep one of them")

    def report(self, event: Any, message: str, hint: str | None, severity: Severity = "error") -> None:
        """Report a problem, unless enough of its severity are known."""
        count = self.counts[severity] = self.counts.get(severity, 0) + 1
        if count > MOST_PROBLEMS + 1:
            return
        span = span_of(event.start_mark, event.end_mark)
        self.problems.append(YAMLProblem(span, message, hint, tuple(self.trail), severity))


def _meant(text: str) -> str:
    """Return the advice for an ambiguous text."""
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
    """Return the span between two marks, cut at the end of the first character if it has several lines."""
    if end.line != start.line:
        return Span(start.line + 1, start.column + 1, start.line + 1, start.column + 2)
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _at_event(event: Any, message: str, hint: str) -> UnreadableError:
    return UnreadableError(YAMLProblem(span_of(event.start_mark, event.end_mark), message, hint))
