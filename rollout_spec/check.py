"""A repository in, findings out: documents, models, rules, and no word about what only follows from another finding."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from rollout_spec.document import Document
from rollout_spec.errors import UserError
from rollout_spec.finding import WHOLE_FILE, Finding, Problem, Severity, Skipped
from rollout_spec.repository import File, Repository
from rollout_spec.rules import GATES, LAST, RULES, Rule, Subject
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE

_WHY = {
    "base": "there is no base to compare with: --base REF names one",
    "whole": "it is about a whole workspace: run check without paths",
}
_CONDITIONAL = tuple(name for name, rule in RULES.items() if not rule.UNCONDITIONAL)


@dataclass(frozen=True)
class Report:
    """What a check found, in the order of files and lines, and what it could not look at."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def failed(self) -> bool:
        """Is there an error among the findings?"""
        return not _well(self.findings)


def check(
    repository: Repository,
    *,
    paths: Sequence[str] | None = None,
    base: Repository | None = None,
    prefix: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check files by their paths in the workspace, or all of it.

    ``base`` is the repository that the change is compared with. ``prefix`` is the workspace's folder in its git root,
    which findings' files begin with. ``progress`` is told how many files of how many are done.
    """
    whole = paths is None
    todo = list(paths) if paths is not None else list(_files(repository))
    run = _Run(repository, base, whole, _severities(repository))
    findings: list[Finding] = []
    with _collector_held():
        for done, path in enumerate(todo):
            if progress:
                progress(done, len(todo))
            findings += _check_file(path, run)
    if whole:
        findings += _strays(repository)
    placed = [replace(each, file=str(PurePosixPath(prefix) / each.file)) for each in findings] if prefix else findings
    return Report(tuple(sorted(set(placed))), tuple(_skipped(base, whole, repository)))


@contextmanager
def _collector_held() -> Iterator[None]:
    """Hold the garbage collector: what a check reads it keeps, so that a search through it finds nothing to free."""
    held = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if held:
            gc.enable()


def introduced(before: Report, after: Report) -> list[Finding]:
    """Return the errors of a report that an earlier one had not: one rule's same words at the same key are old."""
    known = {(each.file, each.name, each.path, each.message) for each in before.findings}
    return [
        each
        for each in after.findings
        if each.severity == "error" and (each.file, each.name, each.path, each.message) not in known
    ]


def _files(repository: Repository) -> Iterator[str]:
    """Give every document of a workspace, its own file first."""
    yield WORKSPACE_FILE
    for folder in FOLDERS:
        for name in repository.names(folder):
            yield f"{folder}/{name}.yaml"
    settings = repository.settings
    for reference in settings.policies if settings else ():
        by_path = "/" in reference or reference.endswith(".yaml")
        if by_path and not _is_own(reference) and repository.file(reference, "PolicyPack"):
            yield reference


def _is_own(path: str) -> bool:
    folder, _, rest = path.partition("/")
    return folder in FOLDERS and "/" not in rest


@dataclass(frozen=True)
class _Run:
    """What a check compares, and which of the files that others are rendered from it found sound."""

    repository: Repository
    base: Repository | None
    whole: bool
    severities: Mapping[str, Severity]
    sound: dict[str, bool] = field(default_factory=dict)


def _check_file(path: str, run: _Run) -> list[Finding]:
    repository = run.repository
    file = repository.file(path, "PolicyPack" if not _is_own(path) and _is_pack(path, repository) else None)
    if file is None:
        raise UserError(f"there is no file {path}")
    subject = Subject(file, repository, run.base, run.whole, _CONDITIONAL)
    findings: list[Finding] = []
    for name, rule in RULES.items():
        if (
            (file.kind and file.kind not in rule.KINDS)
            or (rule.NEEDS == "base" and run.base is None)
            or (rule.NEEDS == "whole" and not run.whole)
        ):
            continue
        if name in LAST and not (_well(findings) and all(_is_sound(each, run) for each in subject.inputs)):
            break
        told = [_place(name, rule, problem, file, run) for problem in rule.check(subject)]
        findings += told
        if name in GATES and not _well(told):
            break
    wrong = {(each.file, each.line, each.column) for each in findings if each.severity == "error"}
    return [each for each in findings if each.severity == "error" or (each.file, each.line, each.column) not in wrong]


def is_sound(file: File[Any], repository: Repository) -> bool:
    """Does a file load, and is all there that it names? Else what others make of it only follows from that."""
    subject = Subject(file, repository, rules=_CONDITIONAL)
    rules = (RULES[name] for name in GATES if not file.kind or file.kind in RULES[name].KINDS)
    return not any(problem.severity == "error" for rule in rules for problem in rule.check(subject))


def _is_sound(file: File[Any], run: _Run) -> bool:
    if file.path not in run.sound:
        run.sound[file.path] = is_sound(file, run.repository)
    return run.sound[file.path]


def _well(findings: Sequence[Finding]) -> bool:
    return not any(finding.severity == "error" for finding in findings)


def _is_pack(path: str, repository: Repository) -> bool:
    settings = repository.settings
    return bool(settings and path in settings.policies)


def _place(name: str, rule: Rule, problem: Problem, file: File[Any], run: _Run) -> Finding:
    """Turn a problem at a key into a finding at a line."""
    path = problem.file or file.path
    document = file.document if problem.file is None else _other(problem.file, run.repository)
    place = problem.span or (document.span(problem.path, on_key=problem.on_key) if document else WHOLE_FILE)
    severity = run.severities.get(name, problem.severity) if not rule.UNCONDITIONAL else problem.severity
    return Finding(
        file=path,
        line=place.line,
        column=place.column,
        name=name,
        message=problem.message,
        severity=severity,
        end_line=place.end_line,
        end_column=place.end_column,
        path=problem.path,
        hint=problem.hint,
    )


def _other(path: str, repository: Repository) -> Document | None:
    file = repository.file(path)
    return file.document if file else None


def _severities(repository: Repository) -> dict[str, Severity]:
    settings = repository.settings
    return dict(settings.severity) if settings else {}


def _strays(repository: Repository) -> Iterator[Finding]:
    """Point at files that look like documents and that nobody reads."""
    for folder in FOLDERS:
        for name in repository.tree.names(folder):
            path = f"{folder}/{name}"
            if name.endswith(".yml"):
                words, hint = "nobody reads a file that ends in .yml", f"rename it to {name.removesuffix('.yml')}.yaml"
            elif not name.endswith(".yaml") and (inside := _documents(path, repository)):
                words, hint = f"nobody reads files in folders below {folder}/", f"move them to {folder}/"
                path = f"{path}/{inside[0]}"
            else:
                continue
            yield Finding(path, 1, 1, "names-match", words, hint=hint)


def _documents(folder: str, repository: Repository) -> list[str]:
    return [name for name in repository.tree.names(folder) if name.endswith((".yaml", ".yml"))]


def _skipped(base: Repository | None, whole: bool, repository: Repository) -> Iterator[Skipped]:
    for name, rule in RULES.items():
        if (rule.NEEDS == "base" and base is None) or (rule.NEEDS == "whole" and not whole):
            yield Skipped(name, _WHY[rule.NEEDS])
    settings = repository.settings
    if settings and settings.policies:
        yield Skipped("policies", "this release reads policy packs, and does not evaluate them yet")
