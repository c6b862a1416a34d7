"""A Jinja sandbox: templates read only their data, and have limits of steps and of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from rollout_spec.core.yaml.scalars import quote

MOST_STEPS = 100_000
"""The most loop iterations and calls of one run of a template."""
MOST_TEXT = 4 * 1024 * 1024
"""The most characters that one run may produce."""
_LARGEST_NUMBER = 10**15

# Filters whose output is not much larger than their input. `join`, `format`, `indent` and others can make gigabytes.
_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items", "last"),
    *("length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "select", "selectattr", "sort", "string"),
    *("title", "trim", "unique", "upper"),
)
_METHODS: dict[type, tuple[str, ...]] = {
    LoopContext: ("changed", "cycle"),
    dict: ("get", "items", "keys", "values"),
    str: ("endswith", "lower", "removeprefix", "removesuffix", "split", "startswith", "strip", "upper"),
}


class PrintedScalar(str):
    """The text of a value that a template prints: one YAML scalar, on one line."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


class Sandbox(ImmutableSandboxedEnvironment):
    """The templates of one target.

    Each value that they print is quoted as one YAML scalar, mapping or list.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, load: Callable[[str], tuple[str, str] | None]) -> None:
        """``load`` returns the text of a template, and its path for messages."""

        def load_source(file: str) -> tuple[str, str, None] | None:
            template = load(file)
            return (*template, None) if template else None

        super().__init__(
            loader=FunctionLoader(load_source),
            undefined=StrictUndefined,
            finalize=self._put_out,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters |= {"_counted": self._counted, "_joined": self._joined}
        self.globals = {name: self.globals[name] for name in ("namespace", "range")}
        self._steps = self._text = 0

    def fill(self, file: str, data: Mapping[str, Any]) -> list[str]:
        """Return the parts of a template filled in with data, ``PrintedScalar`` ones among them.

        Any exception of the template is raised.
        """
        self._steps = self._text = 0
        return list(self.get_template(file).generate(data))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        known = not callable(value) or isinstance(value, Macro) or attr in _METHODS.get(type(obj), ())
        return known and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Treat ``str.format`` as any other method, which is refused."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not isinstance(left, int | float) or not isinstance(right, int | float):
            raise SecurityError(f"`{operator}` does not work here: add and multiply numbers, and join texts with `~`")
        if max(abs(left), abs(right)) > _LARGEST_NUMBER:
            raise SecurityError(f"this number is larger than {_LARGEST_NUMBER:,}")
        return super().call_binop(context, operator, left, right)

    def call(self, *arguments: Any, **named: Any) -> Any:
        self._step()
        return super().call(*arguments, **named)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Counting().visit(super()._parse(source, name, filename))
        return tree

    def _counted(self, items: Iterable[Any], text: int) -> Iterator[Any]:
        for item in items:
            self._step()
            self._make(text)
            yield item

    def _joined(self, text: str) -> str:
        self._make(len(text))
        return text

    def _put_out(self, value: Any) -> str:
        text = str(value) if isinstance(value, Undefined) else quote(value)  # str() of Undefined raises, with its name
        self._make(len(text))
        return text if isinstance(value, dict | list | tuple) else PrintedScalar(text)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise SecurityError(f"this takes more than {MOST_STEPS:,} steps")

    def _make(self, characters: int) -> None:
        self._text += characters
        if self._text > MOST_TEXT:
            raise SecurityError(f"this produces more than {MOST_TEXT:,} characters")


class _Counting(NodeTransformer):
    """Adds counters to loops and ``~``, which Jinja does not let a sandbox intercept."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise TemplateSyntaxError("recursive loops are not allowed", node.lineno)
        self.generic_visit(node)
        assert isinstance(node.iter, nodes.Expr)
        written = [each.data for each in node.find_all(nodes.TemplateData)]
        written += [str(each.value) for each in node.find_all(nodes.Const)]
        node.iter = _filtered(node.iter, "_counted", nodes.Const(sum(map(len, written))))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "_joined")


def _filtered(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
