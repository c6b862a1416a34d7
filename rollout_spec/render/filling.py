"""A template is filled in, and what comes of it is read: here if it is shipped, else in a confined process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from traceback import walk_tb
from typing import Any

from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError

from rollout_spec.core.bounded_process.budget import OutOfTime
from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import parse
from rollout_spec.render.sandbox import Sandbox

Texts = Mapping[str, str]
"""The templates of a target by file."""
Fill = tuple[str, Mapping[str, Any]]
"""A file among them, and the data that it gets."""


def filled(request: tuple[str, Texts, Sequence[Fill]]) -> Iterator[str]:
    """Give the documents of a target, by its name. UserError if one cannot be made."""
    target, texts, fills = request
    sandbox = _compiled(target, frozenset(texts.items()))
    for file, context in fills:
        yield _filled(sandbox, file, f"templates/{target}/{file}", context)


def _filled(sandbox: Sandbox, file: str, place: str, context: Mapping[str, Any]) -> str:
    try:
        text = sandbox.fill(file, context).strip("\n") + "\n"
    except (MemoryError, OutOfTime) as error:
        error.add_note(_line(error, place))
        raise
    except TemplateNotFound as error:
        raise UserError(f"{place}: there is no template `{error.name}`") from None
    except SecurityError as error:
        raise UserError(f"{_line(error, place)}: {error}", hint="templates get data and no more") from None
    except Exception as error:  # a template is a program of its own, and fails in any way
        raise UserError(f"{_line(error, place)}: {str(error) or type(error).__name__}") from None
    for flaw in parse(text.encode()).problems:
        if flaw.severity == "error":
            words = f"{place}: what it gives is no manifest: line {flaw.span.line}: {flaw.message}"
            raise UserError(words, hint=flaw.hint)
    return text


def _line(error: Exception, place: str) -> str:
    """Return the template and the line in which it failed, as far as Jinja tells."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or place}:{error.lineno}"
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    inside = [f"{file}:{line}" for file, line in frames if file.startswith("templates/")]
    return inside[-1] if inside else place


@lru_cache(maxsize=64)
def _compiled(target: str, texts: frozenset[tuple[str, str]]) -> Sandbox:
    """Compiling a template costs fifty times what filling it in does, so that each is compiled once."""
    by_file = dict(texts)

    def load(file: str) -> tuple[str, str] | None:
        text = by_file.get(file)
        return None if text is None else (text, f"templates/{target}/{file}")

    return Sandbox(load)
