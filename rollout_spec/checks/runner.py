"""The check of a workspace, or of some of its files."""

from __future__ import annotations

import gc
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from rollout_spec.checks.context import Context, VerifyRollback
from rollout_spec.checks.file_check import FileCheck, check_file, is_sound
from rollout_spec.checks.rules import BASE_SEVERITY, RULES, SUPPRESSIONS_USED, unused
from rollout_spec.checks.selection import broken_inputs, files
from rollout_spec.checks.unread_files import link_findings, unread_files
from rollout_spec.core.findings import Finding, Report, Severity, Silenced, Skipped
from rollout_spec.workspace.repository import Repository

__all__ = ["CheckOptions", "Report", "Spread", "check", "is_sound"]

_REASONS = {
    "base": "this needs a base: --base REF",
    "whole": "this needs a check of the whole workspace, without paths",
}
_BATCH = 16
"""Files in one unit of work: enough to make the handover to a process cheap, few enough to share."""


class Spread(Protocol):
    """A function like ``map``, which may use several processes."""

    def __call__(
        self, function: Callable[[Sequence[str]], list[FileCheck]], items: Sequence[Sequence[str]], /
    ) -> Iterable[list[FileCheck]]: ...


@dataclass(frozen=True)
class CheckOptions:
    """Options of a check that few callers set.

    ``whole`` applies the rules about the whole workspace to a check of single files. ``without`` are rules to leave
    out. ``verify`` rolls back each rollout without errors, in a check of the whole workspace. ``spread`` may share the
    work among processes. ``progress`` is called with the number of checked files and of all files.
    """

    whole: bool = False
    without: Collection[str] = ()
    verify: VerifyRollback | None = None
    spread: Spread = map
    progress: Callable[[int, int], None] | None = None


_DEFAULTS = CheckOptions()


def check(
    repository: Repository,
    *,
    paths: Sequence[str] | None = None,
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
    options: CheckOptions = _DEFAULTS,
) -> Report:
    """Check a workspace, or the files at ``paths`` in it, and return sorted findings.

    ``base`` is the repository that the change is compared with. ``prefix`` is the workspace's folder in its git root,
    which is put before the paths in findings. Policies are evaluated only if ``now`` is given: a rollback leaves it
    out, because policies must not block it.
    """
    is_whole = paths is None
    paths = list(paths) if paths is not None else list(files(repository, prefix))
    context = Context(
        repository,
        base,
        options.whole or is_whole,
        now,
        options.verify if is_whole else None,
        _severities(repository, base),
        frozenset(options.without),
    )
    with _paused_collector():
        results = _check_files(paths, context, options)
        results += (check_file(path, context) for path in (() if is_whole else broken_inputs(paths, context)))
    findings = [finding for result in results for finding in result.findings]
    findings += _unused_comments(results, context)
    findings += link_findings(paths, repository, whole=is_whole)
    if is_whole:
        findings += unread_files(repository)
    silenced = dict.fromkeys(each for result in results for each in result.silenced)
    return Report(
        tuple(sorted({_with_prefix(prefix, finding) for finding in findings})),
        tuple(_skipped(context)),
        tuple(sorted((replace(each, finding=_with_prefix(prefix, each.finding)) for each in silenced), key=_order)),
    )


def _check_files(paths: Sequence[str], context: Context, options: CheckOptions) -> list[FileCheck]:
    batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
    results: list[FileCheck] = []
    for batch in options.spread(lambda batch: [check_file(path, context) for path in batch], batches):
        results += batch
        if options.progress:
            options.progress(len(results), len(paths))
    return results


def _order(silenced: Silenced) -> tuple[Finding, str]:
    return silenced.finding, silenced.reason


def _with_prefix(prefix: str, finding: Finding) -> Finding:
    return replace(finding, file=posixpath.normpath(f"{prefix}/{finding.file}")) if prefix else finding


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Pause the garbage collector: a check keeps all that it reads, so a collection would free nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _unused_comments(results: Sequence[FileCheck], context: Context) -> Iterator[Finding]:
    """Yield a finding for each name in a comment that silenced nothing although its rule or policy ran."""
    used: dict[tuple[str, int], set[str]] = {}
    for result in results:
        for path, line, name in result.used:
            used.setdefault((path, line), set()).add(name)
    for result in results:
        for comment in result.comments:
            span = comment.span
            for problem in unused(comment, result.ran, used.get((result.path, span.line), ())):
                severity = context.severities.get(SUPPRESSIONS_USED, problem.severity)
                yield Finding(
                    result.path,
                    span.line,
                    span.column,
                    SUPPRESSIONS_USED,
                    problem.message,
                    severity,
                    span.end_line,
                    span.end_column,
                    hint=problem.hint,
                )


def _severities(repository: Repository, base: Repository | None) -> dict[str, Severity]:
    """Return the severities that the workspace sets; for rules of ``BASE_SEVERITY``, those on the base."""
    settings, before = repository.settings, base.settings if base is not None else None
    own = {name: value for name, value in (settings.severity if settings else {}).items() if name not in BASE_SEVERITY}
    on_base = before.severity.items() if before else ()
    return own | {name: value for name, value in on_base if name in BASE_SEVERITY}


def _skipped(context: Context) -> Iterator[Skipped]:
    for name, rule in RULES.items():
        if not context.can_run(rule):
            yield Skipped(name, _REASONS[rule.NEEDS])
