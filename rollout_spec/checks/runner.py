"""A repository in, findings out: each file is examined, and what they say together is put in order."""

from __future__ import annotations

import gc
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from rollout_spec.checks.file_check import Context, Examined, Prove, examine, is_sound
from rollout_spec.checks.rules import BASED, RULES, UNUSED, unused
from rollout_spec.checks.selection import broken_inputs, files
from rollout_spec.checks.unread_files import links, stray_files
from rollout_spec.core.findings import Finding, Report, Severity, Silenced, Skipped
from rollout_spec.workspace.repository import Repository

__all__ = ["Report", "Spread", "check", "is_sound"]

_WHY = {
    "base": "there is no base to compare with: --base REF names one",
    "whole": "it is about a whole workspace: run check without paths",
}
_BATCH = 16
"""How many files are examined at a time: enough that handing them to a process costs nothing, few enough to share."""


class Spread(Protocol):
    """What ``map`` does: a function is applied to each of some items. It may be done by several processes."""

    def __call__(
        self, function: Callable[[Sequence[str]], list[Examined]], items: Sequence[Sequence[str]], /
    ) -> Iterable[list[Examined]]: ...


def check(
    repository: Repository,
    *,
    paths: Sequence[str] | None = None,
    whole: bool = False,
    without: Collection[str] = (),
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
    prove: Prove | None = None,
    spread: Spread = map,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check files by their paths in the workspace, or all of it. ``whole``: by the rules about all of it, too;
    ``without`` are rules that are left out.

    ``base`` is the repository that the change is compared with. ``prefix`` is the workspace's folder in its git root,
    which findings' files begin with. Policies are asked where ``now`` is told: they say what a way forward must be, and
    never stand in a way back. ``prove`` rolls each rollout that is well back, where all is checked; ``spread`` may
    share the work among processes. ``progress`` is told how many files of how many are done.
    """
    todo = list(paths) if paths is not None else list(files(repository, prefix))
    everything = paths is None
    severities = _severities(repository, base)
    proof, missing = prove if everything else None, frozenset(without)
    context = Context(repository, base, whole or everything, now, proof, severities, missing)
    batches = [todo[start : start + _BATCH] for start in range(0, len(todo), _BATCH)]
    examined: list[Examined] = []
    with _collector_held():
        for done in spread(lambda batch: [examine(path, context) for path in batch], batches):
            examined += done
            if progress:
                progress(len(examined), len(todo))
        examined += (examine(path, context) for path in (() if everything else broken_inputs(todo, context)))
    findings = [finding for each in examined for finding in each.findings]
    findings += _unused(examined, context)
    findings += links(todo, repository, whole=everything)
    if everything:
        findings += stray_files(repository)
    silenced = dict.fromkeys(each for one in examined for each in one.silenced)
    return Report(
        tuple(sorted({_below(prefix, each) for each in findings})),
        tuple(_skipped(context)),
        tuple(sorted((replace(each, finding=_below(prefix, each.finding)) for each in silenced), key=_place_of)),
    )


def _place_of(silenced: Silenced) -> tuple[Finding, str]:
    return silenced.finding, silenced.reason


def _below(prefix: str, finding: Finding) -> Finding:
    return replace(finding, file=posixpath.normpath(f"{prefix}/{finding.file}")) if prefix else finding


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


def _unused(examined: Sequence[Examined], context: Context) -> Iterator[Finding]:
    """Point at comments that silenced nothing of what they name, where that had its say."""
    used: dict[tuple[str, int], set[str]] = {}
    for one in examined:
        for path, line, name in one.used:
            used.setdefault((path, line), set()).add(name)
    for one in examined:
        for comment in one.comments:
            for problem in unused(comment, one.ran, used.get((one.path, comment.span.line), ())):
                span = comment.span
                severity = context.severities.get(UNUSED, problem.severity)
                yield Finding(
                    one.path,
                    span.line,
                    span.column,
                    UNUSED,
                    problem.message,
                    severity,
                    span.end_line,
                    span.end_column,
                    hint=problem.hint,
                )


def _severities(repository: Repository, base: Repository | None) -> dict[str, Severity]:
    """Return the severities that the workspace gives, of some rules the one that it gives on the base."""
    settings, before = repository.settings, base.settings if base is not None else None
    own = {name: value for name, value in (settings.severity if settings else {}).items() if name not in BASED}
    return own | {name: value for name, value in (before.severity if before else {}).items() if name in BASED}


def _skipped(context: Context) -> Iterator[Skipped]:
    for name, rule in RULES.items():
        if (rule.NEEDS == "base" and context.base is None) or (rule.NEEDS == "whole" and not context.whole):
            yield Skipped(name, _WHY[rule.NEEDS])
