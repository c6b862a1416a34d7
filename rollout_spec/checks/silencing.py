"""The findings that comments silence, and the comments that silence none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rollout_spec.checks.context import UNSILENCEABLE
from rollout_spec.checks.file_check import FileCheck
from rollout_spec.checks.rules import SUPPRESSIONS_USED, unused
from rollout_spec.checks.suppressions import Suppression, by_line
from rollout_spec.core.findings import Finding, Severity, Silenced

Used = frozenset[tuple[str, int, str]]
"""The comments that silenced a finding: the file, the line of the comment, the silenced name."""


@dataclass(frozen=True)
class ReportedFile:
    """The reported findings of one file, the silenced ones, and the comments that silenced them."""

    findings: Sequence[Finding]
    silenced: Sequence[Silenced]
    used: Used


def silence(result: FileCheck) -> ReportedFile:
    """Apply the comments to the findings of one file. A warning at the position of an error is left out."""
    lines = {path: by_line(comments) for path, comments in result.comments.items() if comments}
    reported: list[Finding] = []
    silenced = [*result.waived]
    used: set[tuple[str, int, str]] = set()
    for finding in _without_duplicates(result.findings):
        comments = list(_comments_at(finding, lines))
        if comments:
            silenced.append(Silenced(finding, "comment", comments[0].reason))
            used.update((finding.file, comment.span.line, finding.name) for comment in comments)
        else:
            reported.append(finding)
    return ReportedFile(reported, silenced, frozenset(used))


def _without_duplicates(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out warnings at the position of an error."""
    errors = {(each.file, each.line, each.column) for each in findings if each.severity == "error"}
    return [each for each in findings if each.severity == "error" or (each.file, each.line, each.column) not in errors]


def _comments_at(finding: Finding, lines: Mapping[str, Mapping[int, Sequence[Suppression]]]) -> Iterator[Suppression]:
    """Yield the comments with a reason that name a finding's rule or policy at its line."""
    if finding.name not in UNSILENCEABLE:
        for comment in lines.get(finding.file, {}).get(finding.line, ()):
            if comment.reason and finding.name in comment.names:
                yield comment


def unused_comments(results: Sequence[FileCheck], used: Used, severities: Mapping[str, Severity]) -> Iterator[Finding]:
    """Yield a finding for each name in a comment that silenced nothing although its rule or policy ran."""
    names: dict[tuple[str, int], set[str]] = {}
    for path, line, name in used:
        names.setdefault((path, line), set()).add(name)
    for result in results:
        for comment in result.comments.get(result.path, ()):
            span = comment.span
            for problem in unused(comment, result.ran, names.get((result.path, span.line), ())):
                severity = severities.get(SUPPRESSIONS_USED, problem.severity)
                yield Finding.at(result.path, span, SUPPRESSIONS_USED, problem, severity)
