"""The check of a workspace, or of some of its files: what it covers, its results, and their report."""

from __future__ import annotations

import gc
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from rollout_spec.checks.context import Context, can_run, is_sound
from rollout_spec.checks.file_check import FileCheck, check_file
from rollout_spec.checks.rules import BASE_SEVERITY, RULES
from rollout_spec.checks.selection import EVERYTHING, Selection, broken_inputs, selected
from rollout_spec.checks.silencing import silence, unused_comments
from rollout_spec.checks.unread_files import changed_links, link_findings, unread_files
from rollout_spec.core.findings import Finding, Report, Severity, Silenced, Skipped
from rollout_spec.workspace.repository import Repository

__all__ = [
    "CheckOptions",
    "CheckRun",
    "FileCheck",
    "Report",
    "Spread",
    "begin",
    "check",
    "check_file",
    "check_inputs",
    "in_batches",
    "is_sound",
    "report",
]

_REASONS = {
    "base": "this needs a base: --base REF, such as origin/main",
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
    out. ``spread`` may share the work among processes. ``progress`` is called with the number of checked files and of
    all files. ``selection`` are the files that a check of the whole workspace examines.
    ``errors_only`` leaves warnings out, and is faster.
    """

    whole: bool = False
    without: Collection[str] = ()
    spread: Spread = map
    progress: Callable[[int, int], None] | None = None
    selection: Selection = EVERYTHING
    errors_only: bool = False


_DEFAULTS = CheckOptions()


@dataclass(frozen=True)
class CheckRun:
    """A check of the files at ``paths``.

    ``is_whole``: they are all files of the workspace, or those of a selection.
    """

    paths: Sequence[str]
    is_whole: bool
    prefix: str
    context: Context
    selection: Selection = EVERYTHING

    @property
    def unexamined(self) -> int:
        """The number of rollouts that are left out of a check of the whole workspace."""
        if self.selection.documents is None:
            return 0
        return len(self.context.repository.names("rollouts")) - sum(each.startswith("rollouts/") for each in self.paths)

    def may_roll_back(self, result: FileCheck) -> bool:
        """Return whether a result is that of a rollout without errors, in a sound workspace."""
        workspace = self.context.repository.workspace
        return result.is_sound_rollout and workspace is not None and is_sound(workspace, self.context.repository)


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
    run = begin(repository, paths=paths, base=base, prefix=prefix, now=now, options=options)
    with _paused_collector():
        results = in_batches(lambda batch: [check_file(path, run.context) for path in batch], run.paths, options)
        if not run.is_whole:
            results += check_inputs(run)
    return report(run, results)


def check_inputs(run: CheckRun) -> Iterator[FileCheck]:
    """Yield the results of the inputs of the files under check that do not load."""
    return (check_file(path, run.context) for path in broken_inputs(run.paths, run.context))


def begin(
    repository: Repository,
    *,
    paths: Sequence[str] | None = None,
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
    options: CheckOptions = _DEFAULTS,
) -> CheckRun:
    """Return the check that these arguments describe, without any result yet. See ``check``."""
    is_whole = paths is None
    paths = list(paths) if paths is not None else selected(repository, prefix, options.selection)
    without, severities = frozenset(options.without), _severities(repository, base)
    settled = options.selection.settled
    context = Context(
        repository, base, options.whole or is_whole, now, severities, without, settled, options.errors_only
    )
    return CheckRun(paths, is_whole, prefix, context, options.selection)


def in_batches(
    function: Callable[[Sequence[str]], list[FileCheck]], paths: Sequence[str], options: CheckOptions
) -> list[FileCheck]:
    """Return a function's results for batches of the files, in order, and report the progress."""
    batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
    results: list[FileCheck] = []
    with _paused_collector():
        for batch in options.spread(function, batches):
            results += batch
            if options.progress:
                options.progress(len(results), len(paths))
    return results


def report(run: CheckRun, results: Sequence[FileCheck]) -> Report:
    """Return the report on the results of a check's files."""
    repository, prefix = run.context.repository, run.prefix
    by_file = [silence(result) for result in results]
    used = frozenset(comment for each in by_file for comment in each.used)
    findings = [finding for each in by_file for finding in each.findings]
    if not run.context.errors_only:
        findings += unused_comments(results, used, run.context.severities)
    if run.selection.documents is None:
        findings += link_findings(run.paths, repository, whole=run.is_whole)
    else:
        findings += changed_links(run.paths, run.selection.changed, repository)
    if run.is_whole:
        findings += unread_files(repository)
    silenced = dict.fromkeys(item for each in by_file for item in each.silenced)
    return Report(
        tuple(sorted({_with_prefix(prefix, finding) for finding in findings})),
        _skipped(run.context.whole, run.context.base is not None),
        tuple(sorted((replace(each, finding=_with_prefix(prefix, each.finding)) for each in silenced), key=_order)),
        len(run.paths),
        run.unexamined,
    )


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


def _severities(repository: Repository, base: Repository | None) -> dict[str, Severity]:
    """Return the severities that the workspace sets; for rules of ``BASE_SEVERITY``, those on the base."""
    settings, before = repository.settings, base.settings if base is not None else None
    own = {name: value for name, value in (settings.severity if settings else {}).items() if name not in BASE_SEVERITY}
    on_base = before.severity.items() if before else ()
    return own | {name: value for name, value in on_base if name in BASE_SEVERITY}


@lru_cache
def _skipped(whole: bool, has_base: bool) -> tuple[Skipped, ...]:
    left_out = ((name, rule) for name, rule in RULES.items() if not can_run(rule, whole=whole, has_base=has_base))
    return tuple(Skipped(name, _REASONS[rule.NEEDS]) for name, rule in left_out)
