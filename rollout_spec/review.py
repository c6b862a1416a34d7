"""What must hold before a merge: the check of the whole workspace, and the proof that each way back works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from rollout_spec.check import Report, check, is_sound
from rollout_spec.drill import drill
from rollout_spec.errors import UserError
from rollout_spec.finding import Finding
from rollout_spec.repository import Repository

_RULE = "rollback-ready"


def review(
    repository: Repository,
    *,
    base: Repository | None = None,
    prefix: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a whole workspace, and roll each rollout that is well back in memory. See ``check`` for the arguments."""
    report = check(repository, base=base, prefix=prefix, progress=progress)
    if repository.workspace is None or not is_sound(repository.workspace, repository):
        return report
    broken = {finding.file for finding in report.findings if finding.severity == "error"}
    proven = [
        finding
        for name in repository.names("rollouts")
        if (file := str(PurePosixPath(prefix) / f"rollouts/{name}.yaml")) not in broken
        for finding in _unproven(name, file, repository)
    ]
    return replace(report, findings=tuple(sorted({*report.findings, *proven})))


def _unproven(name: str, file: str, repository: Repository) -> Iterator[Finding]:
    """Give a finding for each way back that cannot be gone, or would bring findings of its own."""
    try:
        for rollback, fresh in drill(repository, name):
            for each in fresh[:1]:
                words = (
                    f"a rollback from {rollback.failed} to {rollback.restored} would not pass its own check: "
                    f"{each.message} [{each.name}, {each.file}:{each.line}]"
                )
                hint = f"`rollout-spec rollback {name} --reason drill --version {rollback.failed} --dry-run` shows it"
                yield _finding(name, file, repository, words, hint)
    except UserError as error:
        yield _finding(name, file, repository, f"a rollback cannot be made: {error.message}", error.hint)


def _finding(name: str, file: str, repository: Repository, message: str, hint: str | None) -> Finding:
    rollout, settings = repository.rollout(name), repository.settings
    assert rollout is not None
    place = rollout.document.span(("spec", "live"), on_key=True)
    raised = settings.severity if settings else {}
    return Finding(
        file=file,
        line=place.line,
        column=place.column,
        name=_RULE,
        message=message,
        severity=raised.get(_RULE, "error"),
        end_line=place.end_line,
        end_column=place.end_column,
        path=("spec", "live"),
        hint=hint,
    )
