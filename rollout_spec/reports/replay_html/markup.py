"""HTML from templates. Values are escaped for the eye and for HTML, unless they are markup already."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from rollout_spec.core.text import escape, one_line

_LONGEST = 2_000


def fill(template: str, **values: object) -> Markup:
    """Return a template with its fields filled in. Texts lose characters that move or hide other text."""
    return Markup(template).format(  # noqa: S704  # templates are constants
        **{name: _clean(value) for name, value in values.items()}
    )


def join(parts: Iterable[Markup], between: str = "\n") -> Markup:
    """Return some markup as one."""
    return Markup(between).join(parts)  # noqa: S704


def short(text: str, longest: int = 60) -> str:
    """Return a text as one line, shortened in its middle so that similar ids stay apart."""
    line = one_line(text, _LONGEST)
    if len(line) <= longest:
        return line
    return f"{line[: longest // 2]}…{line[-(longest // 2) :]}"


def _clean(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return escape(value)
