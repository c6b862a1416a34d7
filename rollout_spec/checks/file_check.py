"""The check of one file: rules, policies, its rollback, and silenced findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout_spec.checks import policies
from rollout_spec.checks.context import CONFIGURABLE, UNSILENCEABLE, Context, document_of, finding_of
from rollout_spec.checks.rules import BASE_SEVERITY, GATES, LAST, ROLLBACK_READY, RULES, Subject, misnamed
from rollout_spec.checks.suppressions import Suppression, by_line, suppressions
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Silenced, bounded
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.loader import File, is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class FileCheck:
    """The result for one file. ``ran`` are the rules and policies that were evaluated and can be silenced.

    ``used`` are the comments that silenced a finding: the file, the line of the comment, the silenced name.
    """

    path: str
    findings: list[Finding]
    silenced: list[Silenced] = field(default_factory=list)
    comments: tuple[Suppression, ...] = ()
    ran: frozenset[str] = frozenset()
    used: frozenset[tuple[str, int, str]] = frozenset()


def check_file(path: str, context: Context) -> FileCheck:
    """Check one file. Raise UserError if it does not exist, in a check of single files."""
    repository = context.repository
    if is_mistaken_for_pause(path):
        return FileCheck(path, [_mistaken_for_pause(path, context)])
    is_pack = not is_in_own_folder(path) and path in policies.pack_paths(repository)
    file = repository.file(path, "PolicyPack" if is_pack else None)
    if file is None:
        if repository.link(path) is not None:  # the runner reports it
            return FileCheck(path, [])
        if not context.whole:
            raise UserError(f"there is no file {path}")
        return FileCheck(path, [_not_a_file(path)])
    findings, ran = _run_rules(file, context)
    waived: list[Silenced] = []
    if file.kind == "ModelRollout" and file.model and context.now and ran.issuperset(GATES):
        violations, waived, evaluated = _run_policies(file, context, context.now)
        findings += violations
        ran |= evaluated
    reported, silenced, used = _without_silenced(_without_duplicates(findings), context)
    comments = suppressions(file.document)
    return FileCheck(path, reported, [*waived, *silenced], comments, frozenset(ran - UNSILENCEABLE), frozenset(used))


def _mistaken_for_pause(path: str, context: Context) -> Finding:
    problem = misnamed(path)
    severity = context.severities.get("pause-current", problem.severity)
    return Finding(path, 1, 1, "pause-current", problem.message, severity, hint=problem.hint)


def _not_a_file(path: str) -> Finding:
    """Return the finding of a folder, a pipe or a broken link in place of a document."""
    return Finding(path, 1, 1, "names-match", "this is not a file", hint="write the document itself here, or remove it")


def is_in_own_folder(path: str) -> bool:
    """Return whether a path lies directly in a folder of documents."""
    folder, _, rest = path.partition("/")
    return folder in FOLDERS and "/" not in rest


def is_sound(file: File[Any], repository: Repository) -> bool:
    """Return whether a file loads and all names in it exist.

    Other findings would only follow from such an error.
    """
    subject = Subject(file, repository, configurable=CONFIGURABLE, rule_names=RULES)
    rules = (RULES[name] for name in GATES if not file.kind or file.kind in RULES[name].KINDS)
    return not any(problem.severity == "error" for rule in rules for problem in rule.check(subject))


def _is_sound(file: File[Any], context: Context) -> bool:
    if file.path not in context.sound:
        context.sound[file.path] = is_sound(file, context.repository)
    return context.sound[file.path]


def _run_rules(file: File[Any], context: Context) -> tuple[list[Finding], set[str]]:
    """Return the findings of the rules, and the names of those that ran.

    No rule runs after a gate that found an error.
    """
    subject = Subject(
        file, context.repository, context.base, context.whole, CONFIGURABLE, context.now, BASE_SEVERITY, RULES
    )
    findings: list[Finding] = []
    ran: set[str] = set()
    for name, rule in RULES.items():
        if not context.can_run(rule) or name in context.without:
            continue
        if file.kind and file.kind not in rule.KINDS:
            if context.whole or name in GATES:  # rules of other files may have findings in this one
                ran.add(name)
            continue
        if name in LAST and (_has_error(findings) or not all(_is_sound(each, context) for each in subject.inputs)):
            return findings, ran
        by_rule = [finding_of(name, problem, file, context) for problem in bounded(rule.check(subject))]
        findings += by_rule
        if name in GATES and _has_error(by_rule):
            return findings, ran
        ran.add(name)
    if not _has_error(findings):
        findings += _verify(file, context)
    return findings, ran


def _verify(file: File[Any], context: Context) -> list[Finding]:
    """Roll a rollout back in memory, and return the findings of the rollbacks that fail."""
    workspace = context.repository.workspace
    if not context.verify or file.kind != "ModelRollout" or workspace is None or not _is_sound(workspace, context):
        return []
    problems = context.verify(file.stem, context.repository)
    return [finding_of(ROLLBACK_READY, problem, file, context) for problem in problems]


def _run_policies(
    file: File[Any], context: Context, now: datetime
) -> tuple[list[Finding], list[Silenced], frozenset[str]]:
    """Return the findings of the policies, those that are waived, and the policies that were evaluated."""
    findings, waived = [], []
    for name, problem in policies.check(file, context.repository, context.base, now):
        finding = finding_of(name, problem, file, context)
        waiver = policies.waiver_for(name, file.stem, context.repository, now)
        if waiver:
            waived.append(Silenced(finding, "waiver", waiver.reason, waiver.expires))
        else:
            findings.append(finding)
    return findings, waived, frozenset(policy.name for policy in policies.policies_of(context.repository))


def _without_duplicates(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out warnings at the position of an error."""
    errors = {(each.file, each.line, each.column) for each in findings if each.severity == "error"}
    return [each for each in findings if each.severity == "error" or (each.file, each.line, each.column) not in errors]


def _without_silenced(
    findings: Sequence[Finding], context: Context
) -> tuple[list[Finding], list[Silenced], set[tuple[str, int, str]]]:
    """Split findings into the reported and the silenced ones; return the comments that silenced them too."""
    reported: list[Finding] = []
    silenced: list[Silenced] = []
    used: set[tuple[str, int, str]] = set()
    for finding in findings:
        comments = [comment for comment in _comments_at(finding, context) if finding.name in comment.names]
        if comments:
            silenced.append(Silenced(finding, "comment", comments[0].reason))
            used.update((finding.file, comment.span.line, finding.name) for comment in comments)
        else:
            reported.append(finding)
    return reported, silenced, used


def _comments_at(finding: Finding, context: Context) -> Iterator[Suppression]:
    if finding.name in UNSILENCEABLE:
        return
    if finding.file not in context.comments:
        document = document_of(finding.file, context.repository)
        context.comments[finding.file] = by_line(suppressions(document)) if document else {}
    for comment in context.comments[finding.file].get(finding.line, ()):
        if comment.reason:
            yield comment


def _has_error(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)
