"""The check before a merge: the whole workspace, with a drill of each rollout."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath

from rollout_spec.checks.file_check import with_problems
from rollout_spec.checks.rules import ROLLBACK_READY
from rollout_spec.checks.runner import (
    CheckOptions,
    CheckRun,
    FileCheck,
    Report,
    Spread,
    begin,
    check_file,
    check_inputs,
    in_batches,
    report,
)
from rollout_spec.checks.selection import EVERYTHING, Selection
from rollout_spec.core.findings import Problem
from rollout_spec.render.inputs import inputs_changed
from rollout_spec.workflows.drill import drill
from rollout_spec.workspace.repository import Repository


def review(
    repository: Repository,
    *,
    without: Collection[str] = (),
    base: Repository | None = None,
    selection: Selection | None = None,
    prefix: str = "",
    now: datetime | None = None,
    spread: Spread = map,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a whole workspace, and drill each rollout without errors. See ``check`` for the arguments.

    With a ``selection``, only its files are examined, and all its rollouts are drilled. Without one, and with a base,
    only changed rollouts are drilled: the others were verified when they were merged. The process that checked a
    rollout drills it too: it has read the files, and spends the same time on templates and policies.
    """
    options = CheckOptions(without=without, spread=spread, progress=progress, selection=selection or EVERYTHING)
    run = begin(repository, base=base, prefix=prefix, now=now, options=options)
    compared = base if selection is None else None

    def checked(paths: Sequence[str]) -> list[FileCheck]:
        return [_drilled(check_file(path, run.context), run, compared) for path in paths]

    results = in_batches(checked, run.paths, options)
    if run.selection.documents is not None:
        results += check_inputs(run)
    return report(run, results)


def _drilled(result: FileCheck, run: CheckRun, base: Repository | None) -> FileCheck:
    """Return the result of a file. If it is a rollout without errors, add the problems of its rollbacks."""
    context, rollout = run.context, PurePosixPath(result.path).stem
    if not run.may_roll_back(result) or not _may_differ(rollout, context.repository, base):
        return result
    return with_problems(result, ROLLBACK_READY, _problems(rollout, context.repository, context.now), context)


def _may_differ(rollout: str, repository: Repository, base: Repository | None) -> bool:
    """Return whether a rollback may differ from one on the base.

    Any rollout may block an exclusive component.
    """
    file = repository.rollout(rollout)
    if base is None or file is None or file.model is None or inputs_changed(file, repository, base):
        return True
    components = map(repository.component, file.model.spec.component_names)
    return any(component and component.model and component.model.spec.exclusive for component in components)


def _problems(rollout: str, repository: Repository, now: datetime | None) -> Iterator[Problem]:
    """Yield a problem for each rollback that fails or would introduce errors.

    A problem of the next stage is a warning: the step into it is verified again.
    """
    for outcome in drill(repository, rollout, now=now, reach="next"):
        if outcome.verdict == "failed":
            rollback = f"a rollback from {outcome.failed}" + (f" to {outcome.restored}" if outcome.restored else "")
            if outcome.here:
                hint = f"see `rollout-spec rollback {rollout} --reason drill --version {outcome.failed} --dry-run`"
                yield Problem(("spec", "live"), f"{rollback} {outcome.why}", hint, on_key=True)
            else:
                message = f"once {outcome.state}, {rollback} {outcome.why}"
                hint = f"run `rollout-spec drill {rollout}` for every state"
                yield Problem(("spec", "live"), message, hint, "warning", on_key=True)
