"""YAML files as plain data, with the span of each key and value on demand.

Spans are found by reading the text a second time. Most files have no finding, and need none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

from yaml import events as ev

from rollout_spec.core.findings import WHOLE_FILE, KeyPath, Span
from rollout_spec.core.yaml.decoding import LINE_BREAK, UnreadableError, YAMLProblem, decode, span_at
from rollout_spec.core.yaml.reader import CParser, Reader, span_of
from rollout_spec.core.yaml.strictness import may_differ, strictness_problems

# The node of a scalar is its event. That of a collection is its first event, its last event and its children.
_Children = dict[str, "tuple[ev.ScalarEvent, _Node]"] | list["_Node"]
_Collection = tuple[ev.CollectionStartEvent, ev.CollectionEndEvent, _Children]
_Node = ev.ScalarEvent | _Collection


class Document:
    """One file: its text, its data, and the span of each key and value.

    ``data`` consists of dict, list, str, int, Decimal, bool and None. It is None if ``problems`` has an error.
    """

    def __init__(
        self, text: str, data: Any = None, problems: tuple[YAMLProblem, ...] = (), *, broken: bool = False
    ) -> None:
        self.text = text
        self.problems = problems
        self.readable = not any(problem.severity == "error" for problem in problems)
        self.data: Any = data if self.readable else None
        self._broken = broken  # reading stopped before the end

    def span(self, path: KeyPath, *, on_key: bool = False) -> Span:
        """Return the span of the value at ``path``, or of its key.

        If it is missing, that of the nearest parent.
        """
        node, key = self._root, None
        for step in path:
            if not isinstance(node, tuple):
                break
            children = node[2]
            if isinstance(children, dict) and step in children:
                key, node = children[str(step)]
            elif isinstance(children, list) and isinstance(step, int) and step < len(children):
                key, node = None, children[step]
            else:
                on_key = True
                break
        if node is None:
            return WHOLE_FILE
        if on_key and key is not None:
            return span_of(key.start_mark, key.end_mark)
        return self._value_span(node)

    def _value_span(self, node: _Node) -> Span:
        first, last = (node, node) if isinstance(node, ev.ScalarEvent) else node[:2]
        start: Any = first.start_mark
        end: Any = last.end_mark
        if start.line >= len(self.lines):  # the value of a key that ends the text: `? key`
            return span_at(self.text, len(self.text))
        if isinstance(first, ev.ScalarEvent) and start.line != end.line:
            return self._rest_of_line(start)
        if isinstance(first, ev.CollectionStartEvent) and not first.flow_style:
            return self._rest_of_line(start)  # libyaml ends a block where the next token begins
        return span_of(start, end)

    def _rest_of_line(self, mark: Any) -> Span:
        line = self.lines[mark.line] if mark.line < len(self.lines) else ""
        return Span(mark.line + 1, mark.column + 1, mark.line + 1, max(len(line.rstrip()), mark.column) + 1)

    @property
    def _root(self) -> _Node | None:
        return None if self._broken else _root_of(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without line breaks, as YAML counts them."""
        return LINE_BREAK.split(self.text)

    def bare(self, path: KeyPath) -> str | None:
        """Return the text of the scalar at ``path`` if it was written without quotes."""
        event = self.scalar(path)
        return str(event.value) if event is not None and event.implicit[0] else None

    def scalar(self, path: KeyPath) -> ev.ScalarEvent | None:
        """Return libyaml's event of the scalar at ``path``."""
        node = self.node(path)
        return node if isinstance(node, ev.ScalarEvent) else None

    def node(self, path: KeyPath) -> _Node | None:
        """Return the node of the value at ``path``, for edits, which need the marks of libyaml."""
        node = self._root
        for step in path:
            if not isinstance(node, tuple):
                return None
            children = node[2]
            try:
                node = children[step][1] if isinstance(children, dict) else children[step]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                return None
        return node


@lru_cache(maxsize=32)  # an edit parses the same file several times
def parse(content: bytes) -> Document:
    """Parse one YAML document, unless it is among the last ones. It never raises, see ``read_document``."""
    return read_document(content)


def read_document(content: bytes) -> Document:
    """Parse one YAML document. It never raises: problems are in the document's ``problems``."""
    text = ""
    try:
        text = decode(content)
        reader = Reader(text)
        data = reader.read()
        if reader.goes_on or may_differ(text):
            reader.problems += strictness_problems(text)
        return Document(text, data, tuple(reader.problems))
    except UnreadableError as error:
        return Document(text, problems=(error.problem,), broken=True)


@lru_cache(maxsize=24)  # nodes need more memory than the rest of a document, and are seldom used later
def _root_of(text: str) -> _Node:
    """Return the root node of a text that was read to its end."""
    advance: Callable[[], Any] = CParser(text).get_event
    advance(), advance()
    return _node_of(advance(), advance)


def _node_of(first: Any, advance: Callable[[], Any]) -> _Node:
    """Return the node that begins with an event.

    This is no closure, because that would keep the parser alive.
    """
    if first.__class__ is ev.ScalarEvent:
        scalar: ev.ScalarEvent = first
        return scalar
    if first.__class__ is ev.MappingStartEvent:
        entries: dict[str, tuple[ev.ScalarEvent, _Node]] = {}
        while (event := advance()).__class__ is not ev.MappingEndEvent:
            entries[event.value] = (event, _node_of(advance(), advance))
        return first, event, entries
    items: list[_Node] = []
    while (event := advance()).__class__ is not ev.SequenceEndEvent:
        items.append(_node_of(event, advance))
    return first, event, items
