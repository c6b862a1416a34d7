"""The published explanation of a rule or policy, as Markdown and as text."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache

from rollout_spec.core.findings import Severity

_GLUE = "\0"
_WIDEST = 100
PAGE = "Rules"
"""The label in ``project.urls`` of the page that publishes rules and policies."""


@dataclass(frozen=True)
class Explanation:
    """The published text about a rule or a policy, as Markdown; ``fails`` and ``passes`` are YAML.

    ``pack`` is the policy's pack, or None for a rule. ``notes`` say when it runs, and how to silence it. ``shipped`` is
    false for an organization's own policies, which are not on the page.
    """

    name: str
    summary: str
    body: str
    severity: Severity = "error"
    notes: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    pack: str | None = None
    expression: str | None = None
    shipped: bool = True

    @property
    def url(self) -> str | None:
        """The published address, or None if there is none."""
        page = _project_url(PAGE) if self.shipped else None
        return f"{page}#{self.name}" if page else None

    def markdown(self) -> str:
        """Return the explanation as Markdown, without name and heading."""
        parts = [self.summary, self.body, " ".join(self.notes)]
        if self.expression:
            parts.append(f"```cel\n{_filled(self.expression, _WIDEST)}\n```")
        parts += (f"{word}:\n\n```yaml\n{examples}```" for word, examples in self._examples())
        return "\n\n".join(filter(None, parts)) + "\n"

    def text(self, width: int = _WIDEST) -> str:
        """Return the explanation as text, in lines of at most ``width`` characters."""
        parts = [_filled(part, width) for part in (self.summary, self.body, " ".join(self.notes))]
        if self.expression:
            parts.append(f"Expression:\n\n{textwrap.indent(_filled(self.expression, width - 4), '    ')}")
        parts += (f"{word}:\n\n{textwrap.indent(examples.rstrip(), '    ')}" for word, examples in self._examples())
        return "\n\n".join(filter(None, parts)) + "\n"

    def _examples(self) -> list[tuple[str, str]]:
        """Return the failing and the passing examples, each as the documents of one text."""
        sides = (("Fails", self.fails), ("Passes", self.passes))
        return [(word, "---\n".join(examples)) for word, examples in sides if examples]


def _filled(text: str, width: int) -> str:
    """Break paragraphs into lines, but not within code in backticks."""
    fill = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False).fill
    glued = re.sub("`[^`]*`", lambda code: code[0].replace(" ", _GLUE), text)
    return "\n\n".join(fill(part) for part in glued.split("\n\n")).replace(_GLUE, " ")


def homepage() -> str | None:
    """Return the address of this project from its metadata."""
    return _project_url("Homepage")


@cache
def _project_url(wanted: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        entries = metadata("rollout-spec").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    urls = (entry.partition(", ") for entry in entries)
    return next((url for label, _, url in urls if label == wanted), None)
