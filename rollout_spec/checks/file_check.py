"""One file is examined: by rules, policies and the proof of its way back; what comments silence is set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rollout_spec.checks import policies
from rollout_spec.checks.rules import BASED, GATES, LAST, PROVEN, RULES, Subject, misnamed
from rollout_spec.checks.suppressions import Suppression, reach, suppressions
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import WHOLE_FILE, Finding, Problem, Severity, Silenced, bounded
from rollout_spec.core.yaml.document import Document
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.loader import File, is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository

CONDITIONAL = tuple(name for name, rule in RULES.items() if not rule.UNCONDITIONAL)
_LONGEST_WORDS = 2000
_FIXED = {*RULES} - {*CONDITIONAL}
_FIRM = _FIXED | {*BASED}
"""What no comment silences."""

Prove = Callable[[str, Repository], Iterable[Problem]]
"""Rolls a rollout back in memory, and gives a problem for each way back that cannot be gone."""


@dataclass(frozen=True)
class Context:
    """What files are examined in, and what was learned of others on the way. ``now`` is None where no policy speaks."""

    repository: Repository
    base: Repository | None
    whole: bool
    now: datetime | None
    prove: Prove | None
    severities: Mapping[str, Severity]
    without: frozenset[str] = frozenset()
    sound: dict[str, bool] = field(default_factory=dict)
    reached: dict[str, dict[int, list[Suppression]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Examined:
    """What came of it. ``ran`` are the rules and policies that had their say; ``used`` says what silenced a finding."""

    path: str
    findings: list[Finding]
    silenced: list[Silenced]
    comments: tuple[Suppression, ...]
    ran: frozenset[str]
    used: frozenset[tuple[str, int, str]]
    """Files, lines of comments, and the names that these silenced."""


def examine(path: str, context: Context) -> Examined:
    """Examine one file. UserError where there is none."""
    repository = context.repository
    if is_mistaken_for_pause(path):
        return Examined(path, [_misnamed(path, context)], [], (), frozenset(), frozenset())
    kind = "PolicyPack" if not is_own(path) and _is_pack(path, repository) else None
    file = repository.file(path, kind)
    if file is None:
        if repository.link(path) is not None:  # ``check`` says so
            return Examined(path, [], [], (), frozenset(), frozenset())
        if not context.whole:
            raise UserError(f"there is no file {path}")
        return Examined(path, [_no_file(path)], [], (), frozenset(), frozenset())
    findings, ran = _judged(file, context)
    waived: list[Silenced] = []
    if file.kind == "ModelRollout" and file.model and context.now and ran.issuperset(GATES):
        demanded, waived, asked = _demanded(file, context, context.now)
        findings += demanded
        ran |= asked
    wrong = {(each.file, each.line, each.column) for each in findings if each.severity == "error"}
    told = [each for each in findings if each.severity == "error" or (each.file, each.line, each.column) not in wrong]
    said, silenced, used = _heard(told, context)
    return Examined(
        path, said, [*waived, *silenced], suppressions(file.document), frozenset(ran - _FIRM), frozenset(used)
    )


def _misnamed(path: str, context: Context) -> Finding:
    """Point at what is taken for a pause; nothing in it is looked at."""
    problem = misnamed(path)
    severity = context.severities.get("pause-current", problem.severity)
    return Finding(path, 1, 1, "pause-current", problem.message, severity, hint=problem.hint)


def _no_file(path: str) -> Finding:
    """Point at a folder, a pipe or a link that leads nowhere, where a document should be."""
    return Finding(path, 1, 1, "names-match", "this is not a file", hint="put the document itself here, or remove it")


def is_own(path: str) -> bool:
    """Does a path lie directly in one of the folders of a workspace?"""
    folder, _, rest = path.partition("/")
    return folder in FOLDERS and "/" not in rest


def is_sound(file: File[Any], repository: Repository) -> bool:
    """Does a file load, and is all there that it names? Else what others make of it only follows from that."""
    subject = Subject(file, repository, rules=CONDITIONAL, taken=RULES)
    rules = (RULES[name] for name in GATES if not file.kind or file.kind in RULES[name].KINDS)
    return not any(problem.severity == "error" for rule in rules for problem in rule.check(subject))


def _is_sound(file: File[Any], context: Context) -> bool:
    if file.path not in context.sound:
        context.sound[file.path] = is_sound(file, context.repository)
    return context.sound[file.path]


def _judged(file: File[Any], context: Context) -> tuple[list[Finding], set[str]]:
    """Run the rules on a file, until one of ``GATES`` finds an error; return the findings, and the rules that ran."""
    subject = Subject(file, context.repository, context.base, context.whole, CONDITIONAL, context.now, BASED, RULES)
    findings: list[Finding] = []
    ran: set[str] = set()
    for name, rule in RULES.items():
        if (rule.NEEDS == "base" and context.base is None) or (rule.NEEDS == "whole" and not context.whole):
            continue
        if name in context.without:
            continue
        if file.kind and file.kind not in rule.KINDS:
            if context.whole or name in GATES:  # what other files have to say of this one is heard too
                ran.add(name)
            continue
        if name in LAST and not (_well(findings) and all(_is_sound(each, context) for each in subject.inputs)):
            return findings, ran
        told = [place(name, problem, file, context) for problem in bounded(rule.check(subject))]
        findings += told
        if name in GATES and not _well(told):
            return findings, ran
        ran.add(name)
    if context.prove and file.kind == "ModelRollout" and _well(findings) and _has_sound_workspace(context):
        findings += [place(PROVEN, each, file, context) for each in context.prove(file.stem, context.repository)]
    return findings, ran


def _has_sound_workspace(context: Context) -> bool:
    workspace = context.repository.workspace
    return workspace is not None and _is_sound(workspace, context)


def _demanded(file: File[Any], context: Context, now: datetime) -> tuple[list[Finding], list[Silenced], frozenset[str]]:
    """Ask the policies; return what they find, what of it is waived, and which were asked."""
    findings, waived = [], []
    for name, problem in policies.check(file, context.repository, context.base, now):
        finding = place(name, problem, file, context)
        waiver = policies.waiver_for(name, file.stem, context.repository, now)
        if waiver:
            waived.append(Silenced(finding, "waiver", waiver.reason, waiver.expires))
        else:
            findings.append(finding)
    return findings, waived, frozenset(each.name for each in policies.policies_of(context.repository))


def _heard(
    findings: Sequence[Finding], context: Context
) -> tuple[list[Finding], list[Silenced], set[tuple[str, int, str]]]:
    """Part findings into those that are told and those that a comment silences; say which comments did."""
    said: list[Finding] = []
    silenced: list[Silenced] = []
    used: set[tuple[str, int, str]] = set()
    for each in findings:
        comments = [comment for comment in _reaching(each, context) if each.name in comment.names]
        if comments:
            silenced.append(Silenced(each, "comment", comments[0].reason))
            used.update((each.file, comment.span.line, each.name) for comment in comments)
        else:
            said.append(each)
    return said, silenced, used


def _reaching(finding: Finding, context: Context) -> Iterator[Suppression]:
    if finding.name in _FIRM:
        return
    if finding.file not in context.reached:
        document = _other(finding.file, context.repository)
        context.reached[finding.file] = reach(suppressions(document)) if document else {}
    for comment in context.reached[finding.file].get(finding.line, ()):
        if comment.reason:
            yield comment


def _well(findings: Sequence[Finding]) -> bool:
    return not any(finding.severity == "error" for finding in findings)


def _is_pack(path: str, repository: Repository) -> bool:
    settings = repository.settings
    return bool(settings and path in settings.policies)


def place(name: str, problem: Problem, file: File[Any], context: Context) -> Finding:
    """Turn a problem at a key into a finding at a line, of the severity that the workspace gives it."""
    path = problem.file or file.path
    document = file.document if problem.file is None else _other(problem.file, context.repository)
    span = problem.span or (document.span(problem.path, on_key=problem.on_key) if document else WHOLE_FILE)
    severity = problem.severity if name in _FIXED else context.severities.get(name, problem.severity)
    problem = replace(problem, message=_short(problem.message), hint=_short(problem.hint) if problem.hint else None)
    return Finding.at(path, span, name, problem, severity)


def _short(words: str) -> str:
    """Cut words in which a user's own text has no end."""
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"


def _other(path: str, repository: Repository) -> Document | None:
    file = repository.file(path)
    return file.document if file else None
