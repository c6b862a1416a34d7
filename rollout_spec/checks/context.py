"""The shared arguments of a check, the soundness of files, and the findings of problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout_spec.checks.policies import pack_paths
from rollout_spec.checks.rules import BASE_SEVERITY, GATES, RULES, Rule, Subject
from rollout_spec.core.findings import WHOLE_FILE, Finding, Problem, Severity
from rollout_spec.core.yaml.document import Document
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

CONFIGURABLE = tuple(name for name, rule in RULES.items() if not rule.UNCONDITIONAL)
"""The rules whose severity a workspace may set."""
_LONGEST_MESSAGE = 2000
_FIXED = {*RULES} - {*CONFIGURABLE}
UNSILENCEABLE = _FIXED | {*BASE_SEVERITY}
"""The rules that no comment silences."""


@dataclass(frozen=True)
class Context:
    """The arguments of a check that all files share. ``now`` is None if policies are not evaluated.

    ``settled`` are comparisons that are not repeated, see ``Subject``.
    ``errors_only``: warnings are not wanted.
    """

    repository: Repository
    base: Repository | None
    whole: bool
    now: datetime | None
    severities: Mapping[str, Severity]
    without: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    errors_only: bool = False

    def severity(self, name: str, problem: Problem) -> Severity:
        """Return the severity of a problem that a rule or policy found."""
        return problem.severity if name in _FIXED else self.severities.get(name, problem.severity)

    def findings(self, name: str, problems: Iterable[Problem], file: File[Any]) -> list[Finding]:
        """Turn problems into findings.

        If only errors are wanted, the others are left out, because their places take long to find.
        """
        wanted = (each for each in problems if not self.errors_only or self.severity(name, each) == "error")
        return [finding_of(name, problem, file, self) for problem in wanted]


def can_run(rule: Rule, *, whole: bool, has_base: bool) -> bool:
    """Return whether the base, or the check of the whole workspace, that a rule needs is there."""
    return not ((rule.NEEDS == "base" and not has_base) or (rule.NEEDS == "whole" and not whole))


def is_sound(file: File[Any], repository: Repository) -> bool:
    """Return whether a file loads and all names in it exist.

    Other findings would only follow from such an error.
    """
    if (below := _as_sound_below(file, repository)) is not None:
        return is_sound(file, below)

    def found(here: Repository) -> bool:
        subject = Subject(file, here, configurable=CONFIGURABLE, rule_names=RULES)
        rules = (RULES[name] for name in GATES if not file.kind or file.kind in RULES[name].KINDS)
        return not any(problem.severity == "error" for rule in rules for problem in rule.check(subject))

    return repository.once(("sound", file.path), found)


def _as_sound_below(file: File[Any], repository: Repository) -> Repository | None:
    """Return the repository before its edits, if they cannot make this file sound or unsound."""
    below, edits = repository.edited_from or (None, {})
    if file.kind not in ("Component", "Workspace") or file.path in edits:
        return None
    depends_on = pack_paths(repository) if file.kind == "Workspace" else ()  # a component depends on no other file
    return below if edits.keys().isdisjoint(depends_on) else None


def finding_of(name: str, problem: Problem, file: File[Any], context: Context) -> Finding:
    """Turn a problem at a key into a finding at a line, with the severity that the workspace sets."""
    path = problem.file or file.path
    document = file.document if problem.file is None else document_of(problem.file, context.repository)
    span = problem.span or (document.span(problem.path, on_key=problem.on_key) if document else WHOLE_FILE)
    return Finding(
        file=path,
        line=span.line,
        column=span.column,
        name=name,
        message=_shortened(problem.message),
        severity=context.severity(name, problem),
        end_line=span.end_line,
        end_column=span.end_column,
        path=problem.path,
        hint=_shortened(problem.hint) if problem.hint else None,
    )


def _shortened(message: str) -> str:
    """Cut a message that quotes a very long text of the user's."""
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def document_of(path: str, repository: Repository) -> Document | None:
    file = repository.file(path)
    return file.document if file else None
