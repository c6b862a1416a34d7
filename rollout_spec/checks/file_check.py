"""The check of one file: its rules and its policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from rollout_spec.checks import policies
from rollout_spec.checks.context import CONFIGURABLE, UNSILENCEABLE, Context, can_run, document_of, finding_of, is_sound
from rollout_spec.checks.policies.waivers import waiver_for
from rollout_spec.checks.rules import BASE_SEVERITY, COMPARING, GATES, LAST, RULES, Subject, misnamed
from rollout_spec.checks.suppressions import Suppression, suppressions
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Problem, Silenced, bounded
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.loader import File, is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class FileCheck:
    """The result for one file: its findings, before comments silence some of them.

    ``waived`` are the violations of policies that a waiver suppresses. ``comments`` are those of each file with a
    finding, and of this file. ``ran`` are the rules and policies that were evaluated and can be silenced.
    ``is_sound_rollout``: this is a rollout, all rules for it ran, and none found an error.
    """

    path: str
    findings: Sequence[Finding]
    waived: Sequence[Silenced] = ()
    comments: Mapping[str, tuple[Suppression, ...]] = field(default_factory=dict)
    ran: frozenset[str] = frozenset()
    is_sound_rollout: bool = False


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
    findings, ran, is_complete = _run_rules(file, context)
    is_sound_rollout = file.kind == "ModelRollout" and is_complete and not _has_error(findings)
    waived: list[Silenced] = []
    if file.kind == "ModelRollout" and file.model and context.now and ran.issuperset(GATES):
        violations, waived, evaluated = _run_policies(file, context, context.now)
        findings += violations
        ran |= evaluated
    others = {finding.file for finding in findings} - {file.path}
    comments = {other: _comments(other, repository) for other in others}
    comments[file.path] = suppressions(file.document)
    return FileCheck(path, findings, waived, comments, frozenset(ran - UNSILENCEABLE), is_sound_rollout)


def with_problems(result: FileCheck, name: str, problems: Iterable[Problem], context: Context) -> FileCheck:
    """Return the result of a file with more problems in it, which are reported under the name of a rule."""
    file = context.repository.file(result.path)
    assert file is not None
    findings = (finding_of(name, problem, file, context) for problem in problems)
    return replace(result, findings=(*result.findings, *findings))


def _comments(path: str, repository: Repository) -> tuple[Suppression, ...]:
    document = document_of(path, repository)
    return suppressions(document) if document is not None else ()


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


def _run_rules(file: File[Any], context: Context) -> tuple[list[Finding], set[str], bool]:
    """Return the findings of the rules, the rules that ran, and whether none was left out.

    A gate that finds an error leaves all later rules out. An error, or an unsound input, leaves out those in ``LAST``.
    """
    repository = context.repository
    subject = Subject(
        file,
        repository,
        context.base,
        context.whole,
        CONFIGURABLE,
        context.now,
        BASE_SEVERITY,
        RULES,
        context.settled,
    )
    if repository.edited_from is None:
        found = _found_alone(subject, context)
    else:  # several rollbacks may lead to the same files
        key = ("found alone", file.path, context.whole, context.without, context.settled)
        found = repository.once(key, lambda _: _found_alone(subject, context))
    findings = [finding for name, problems in found.by_rule for finding in context.findings(name, problems, file)]
    ran = set(found.ran)
    if found.is_stopped:
        return findings, ran, False
    for name, concerns in _plan(file.kind, context).comparing:
        if not concerns:
            ran.add(name)
            continue
        if name in LAST and (_has_error(findings) or not all(is_sound(each, repository) for each in subject.inputs)):
            return findings, ran, False
        findings += context.findings(name, bounded(RULES[name].check(subject)), file)
        ran.add(name)
    return findings, ran, True


class _FoundAlone(NamedTuple):
    """The problems of the rules that do not compare, by rule. ``is_stopped``: a gate found an error."""

    by_rule: Sequence[tuple[str, Sequence[Problem]]]
    ran: Set[str]
    is_stopped: bool


def _found_alone(subject: Subject, context: Context) -> _FoundAlone:
    """Run the rules that do not compare: they see neither the base nor the time."""
    subject = replace(subject, base=None, now=None)
    by_rule: list[tuple[str, Sequence[Problem]]] = []
    ran: set[str] = set()
    for name, concerns in _plan(subject.file.kind, context).alone:
        if not concerns:
            ran.add(name)
            continue
        problems = tuple(bounded(RULES[name].check(subject)))
        if problems:
            by_rule.append((name, problems))
        if name in GATES and any(context.severity(name, problem) == "error" for problem in problems):
            return _FoundAlone(by_rule, ran, is_stopped=True)
        ran.add(name)
    return _FoundAlone(by_rule, ran, is_stopped=False)


class _Plan(NamedTuple):
    """The rules that run on a file of one kind, and those of other kinds that may have findings in it.

    Each has whether it concerns this kind. ``comparing`` look at the base or the time, ``alone`` do not.
    """

    alone: list[tuple[str, bool]]
    comparing: list[tuple[str, bool]]


def _plan(kind: str, context: Context) -> _Plan:
    return _planned(kind, context.whole, context.base is not None, context.without)


@lru_cache(maxsize=64)
def _planned(kind: str, whole: bool, has_base: bool, without: frozenset[str]) -> _Plan:
    plan = _Plan([], [])
    for name, rule in RULES.items():
        concerns = not kind or kind in rule.KINDS
        if (
            can_run(rule, whole=whole, has_base=has_base)
            and name not in without
            and (concerns or whole or name in GATES)
        ):
            (plan.comparing if name in COMPARING else plan.alone).append((name, concerns))
    return plan


def _run_policies(
    file: File[Any], context: Context, now: datetime
) -> tuple[list[Finding], list[Silenced], frozenset[str]]:
    """Return the findings of the policies, those that are waived, and the policies that were evaluated."""
    findings, waived = [], []
    for name, problem in policies.check(file, context.repository, context.base, now):
        if context.errors_only and context.severity(name, problem) != "error":
            continue
        finding = finding_of(name, problem, file, context)
        waiver = waiver_for(name, file.stem, context.repository, now)
        if waiver:
            waived.append(Silenced(finding, "waiver", waiver.reason, waiver.expires))
        else:
            findings.append(finding)
    return findings, waived, frozenset(policy.name for policy in policies.policies_of(context.repository))


def _has_error(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)
