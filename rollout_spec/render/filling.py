"""Filling in of templates by Jinja: in this process for shipped ones, else in a bounded process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from traceback import walk_tb
from typing import Any

from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError

from rollout_spec.core.bounded_process.budget import OutOfTimeError
from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import parse
from rollout_spec.render.sandbox import Sandbox

Texts = Mapping[str, str]
"""The templates of a target by file."""
Fill = tuple[str, Mapping[str, Any]]
"""A template's file, and its data."""


def filled(request: tuple[str, Texts, Sequence[Fill]]) -> Iterator[str]:
    """Yield the documents of a target, by its name. UserError if one cannot be rendered."""
    target, texts, fills = request
    sandbox = _compiled(target, frozenset(texts.items()))
    for file, context in fills:
        yield _filled(sandbox, file, f"templates/{target}/{file}", context)


def _filled(sandbox: Sandbox, file: str, place: str, context: Mapping[str, Any]) -> str:
    try:
        text = sandbox.fill(file, context).strip("\n") + "\n"
    except (MemoryError, OutOfTimeError) as error:
        error.add_note(_line(error, place))
        raise
    except TemplateNotFound as error:
        raise UserError(f"{place}: there is no template `{error.name}`") from None
    except SecurityError as error:
        raise UserError(f"{_line(error, place)}: {error}", hint="use only the data of the template") from None
    except Exception as error:  # a template is a program, and can raise anything
        raise UserError(f"{_line(error, place)}: {str(error) or type(error).__name__}") from None
    for problem in parse(text.encode()).problems:
        if problem.severity == "error":
            message = f"{place}: the rendered text is not a manifest: line {problem.span.line}: {problem.message}"
            raise UserError(message, hint=problem.hint)
    return text


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
