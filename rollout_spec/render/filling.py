"""Filling in of templates by Jinja: in this process for shipped ones, else in a bounded process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from traceback import walk_tb
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables

from rollout_spec.core.bounded_process.budget import OutOfTimeError
from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.decoding import UnreadableError, YAMLProblem, decode
from rollout_spec.core.yaml.document import read_document
from rollout_spec.render.sandbox import PrintedScalar, Sandbox

Texts = Mapping[str, str]
"""The templates of a target by file."""
Fill = tuple[str, Mapping[str, Any]]
"""A template's file, and its data."""


def filled(request: tuple[str, Texts, Sequence[Fill]]) -> Iterator[str]:
    """Yield the documents of a target, by its name. UserError if one cannot be rendered."""
    target, texts, fills = request
    sandbox = _compiled(target, frozenset(texts.items()))
    for file, context in fills:
        yield _filled(sandbox, file, f"templates/{target}/{file}", _data(sandbox, file, context))


@dataclass(frozen=True)
class _Data:
    """The data of a template. Equal texts mean equal data, because it consists of plain values."""

    text: str
    values: Mapping[str, Any] = field(compare=False)


def _data(sandbox: Sandbox, file: str, context: Mapping[str, Any]) -> _Data:
    """Return the data of a template, with the text of those values that it reads."""
    names = _names_in(sandbox, file)
    read = context if names is None else {name: value for name, value in context.items() if name in names}
    return _Data(repr(read), context)


@lru_cache(maxsize=256)
def _names_in(sandbox: Sandbox, file: str) -> frozenset[str] | None:
    """Return the names that a template reads, or None if it reads other templates too, or is broken."""
    try:
        source = sandbox.loader.get_source(sandbox, file)[0] if sandbox.loader else ""
        tree = sandbox.parse(source)
        others = tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))
        return None if any(True for _ in others) else frozenset(find_undeclared_variables(tree))
    except TemplateError:
        return None


@lru_cache(maxsize=256)  # a drill renders the same `live` again and again
def _filled(sandbox: Sandbox, file: str, place: str, data: _Data) -> str:
    try:
        parts = sandbox.fill(file, data.values)
    except (MemoryError, OutOfTimeError) as error:
        error.add_note(_line(error, place))
        raise
    except TemplateNotFound as error:
        raise UserError(f"{place}: there is no template `{error.name}`") from None
    except SecurityError as error:
        raise UserError(f"{_line(error, place)}: {error}", hint="use only the data of the template") from None
    except Exception as error:  # a template is a program, and can raise anything
        raise UserError(f"{_line(error, place)}: {str(error) or type(error).__name__}") from None
    text = "".join(parts).strip("\n") + "\n"
    for problem in _problems(text, tuple(None if isinstance(part, PrintedScalar) else part for part in parts)):
        if problem.severity == "error":
            message = f"{place}: the rendered text is not a manifest: line {problem.span.line}: {problem.message}"
            raise UserError(message, hint=problem.hint)
    return text


_SCALARS = (
    "v",
    r""" "a: 'b', #c [d] {e} \"f\"" """.strip(),
    """ 'a: "b", #c [d] {e}' """.strip(),
    "-5",
    "true",
    "null",
)
"""Scalars of each kind that a template prints. A text that can be read with each of them can be read with any."""
_BEFORE, _BEHIND = " [{\n", "\n,]}:"
"""The characters beside a scalar that is a whole value or key."""
_Structure = tuple[str | None, ...]
"""The parts of a text, with None for each printed scalar."""


def _problems(text: str, structure: _Structure) -> Sequence[YAMLProblem]:
    """Return the problems of a text. It is not read if its structure was, except for its characters."""
    if next(_sightings(structure)) == 0 or not _fits_any_scalar(structure):
        return read_document(text.encode()).problems
    try:
        decode(text.encode())
    except UnreadableError as error:
        return (error.problem,)
    return ()


@lru_cache(maxsize=256)
def _sightings(structure: _Structure) -> Iterator[int]:
    """Return a counter of the texts with a structure. Most structures of a single rendering are unique."""
    return count()


@lru_cache(maxsize=256)
def _fits_any_scalar(structure: _Structure) -> bool:
    """Return whether a text of a structure can be read, whatever scalars are printed in it."""
    around = ["\n", *structure, "\n"]
    for at, part in enumerate(around):
        if part is None and not ((around[at - 1] or "x")[-1] in _BEFORE and (around[at + 1] or "x")[0] in _BEHIND):
            return False
    texts = ("".join(scalar if part is None else part for part in structure) for scalar in _SCALARS)
    return not any(read_document(text.strip("\n").encode() + b"\n").problems for text in texts)


def _line(error: Exception, place: str) -> str:
    """Return the template and the line in which it failed, if Jinja reports them."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or place}:{error.lineno}"
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    inside = [f"{file}:{line}" for file, line in frames if file.startswith("templates/")]
    return inside[-1] if inside else place


@lru_cache(maxsize=64)
def _compiled(target: str, texts: frozenset[tuple[str, str]]) -> Sandbox:
    """Return the compiled templates. Compiling takes fifty times as long as filling in, so this is cached."""
    by_file = dict(texts)

    def load(file: str) -> tuple[str, str] | None:
        text = by_file.get(file)
        return None if text is None else (text, f"templates/{target}/{file}")

    return Sandbox(load)
