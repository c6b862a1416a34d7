"""The check of a step before it is written: new errors, and rollbacks that would fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.checks import policies
from rollout_spec.checks.regressions import introduced, is_of_policy
from rollout_spec.checks.rules import GATES
from rollout_spec.checks.runner import CheckOptions, check
from rollout_spec.core.findings import Finding
from rollout_spec.domain.incident_files import files_about
from rollout_spec.lifecycle.step_result import StepResult
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.drill import drill
from rollout_spec.workspace.repository import Repository

_WHOLE = CheckOptions(whole=True)
_FORWARD = ("bootstrap", "propose", "advance", "promote")
"""Steps that give a version more traffic. They wait until the rollout has no error."""


@dataclass(frozen=True)
class StepCheck:
    """The findings of a step: ``refused`` errors and new warnings in ``warned``.

    ``why`` is a reason to refuse.
    """

    refused: tuple[Finding, ...] = ()
    warned: tuple[Finding, ...] = ()
    why: str | None = None


def check_step(
    step: StepResult,
    repository: Repository,
    *,
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
) -> StepCheck:
    """Check the result of a step like its pull request, and roll it back in memory.

    ``base`` is the repository before the step. Existing errors do not stop a step back; a step that gives a version
    more traffic waits until its rollout has no error.
    """
    before, after = base or repository, repository.edited(step.edits)
    paths = list(_concerned(step, after))
    later = check(after, paths=paths, base=base, prefix=prefix, now=now, options=_WHOLE)
    old_paths = [path for path in paths if before.file(path) is not None]
    earlier = check(before, paths=old_paths, base=base, prefix=prefix, now=now, options=_WHOLE)
    new = introduced(earlier, later)
    refused = [each for each in later.findings if each in new or _bars(each, step, prefix)]
    if refused:
        return StepCheck(tuple(refused), why=None if new else "fix these errors first")
    existing = {_identity(each) for each in earlier.findings}
    warned = tuple(each for each in later.findings if each.severity == "warning" and _identity(each) not in existing)
    failure = failed_drill(step.rollout, after, now)
    old = before.rollout(step.rollout)
    if failure and (old is None or not old.model or failed_drill(step.rollout, before, now) is None):
        why, findings = failure
        return StepCheck(findings, warned, why)
    return StepCheck((), warned)


def _concerned(step: StepResult, after: Repository) -> Iterator[str]:
    """Yield the files that a step can affect, however many others there are.

    These are the rollout's file, its pinned components and incidents, and rollouts whose names may collide with its
    versions. If a policy counts candidates, all rollouts with one are included. A new rollout may take the host of any
    other, so the workspace is included.
    """
    yield step.path
    components = (f"components/{name}.yaml" for name in step.after.spec.component_names)
    incidents = (file.path for file in files_about(step.rollout, after) if file.content)
    namesakes = (f"rollouts/{name}.yaml" for name in after.names_from("rollouts", f"{step.rollout}-v"))
    yield from (path for path in (*components, *incidents, *namesakes) if after.file(path) is not None)
    yield from (f"rollouts/{name}.yaml" for name in policies.counted_in_flight(after) if name != step.rollout)
    if step.before is None:
        yield WORKSPACE_FILE


def _bars(finding: Finding, step: StepResult, prefix: str) -> bool:
    """Return whether an existing error stops a step.

    It does if it keeps the rollout, or a file that affects it, from loading. Errors of other rollouts do not.
    """
    path = finding.file.removeprefix(f"{prefix}/")
    is_of_others = path != step.path and path.startswith(("rollouts/", "incidents/"))
    is_reason = finding.name in GATES or (path == step.path and step.name in _FORWARD)
    return finding.severity == "error" and is_reason and not is_of_others


def _identity(finding: Finding) -> tuple[str, str]:
    return finding.name, finding.file if is_of_policy(finding) else finding.message


def failed_drill(rollout: str, repository: Repository, now: datetime | None) -> tuple[str, tuple[Finding, ...]] | None:
    """Return why a rollback fails, with the errors that it would introduce; None if each is verified."""
    for outcome in drill(repository, rollout, now=now, reach="here"):
        if outcome.findings:
            message = f"a rollback from {outcome.failed} to {outcome.restored} would introduce errors"
            return message, outcome.findings
        if outcome.verdict == "failed":
            return f"a rollback from {outcome.failed} {outcome.why}", ()
    return None
