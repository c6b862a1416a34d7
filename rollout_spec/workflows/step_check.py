"""A step that would bring findings is not taken: nobody reviews what its own check would turn down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.checks import policies
from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.rules import GATES
from rollout_spec.checks.runner import check
from rollout_spec.core.findings import Finding
from rollout_spec.domain.incidents import files_about
from rollout_spec.lifecycle.steps import StepResult
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.drill import drill
from rollout_spec.workspace.repository import Repository

_FORWARD = ("bootstrap", "propose", "advance", "promote")
"""Steps that give a version more: they wait until no error is left in the rollout."""


@dataclass(frozen=True)
class StepCheck:
    """What a step would bring: ``refused`` are errors, ``warned`` is what it brings and may. ``why`` says more."""

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
    """Check what a step leaves as its pull request will be, and roll the result back in memory.

    ``base`` is the repository that the step comes after. What stood there already is no reason against a step that
    takes a version back; one that gives a version more waits until its rollout has no error.
    """
    before, after = base or repository, repository.edited(step.edits)
    paths = list(_concerned(step, after))
    later = check(after, paths=paths, whole=True, base=base, prefix=prefix, now=now)
    there = [path for path in paths if before.file(path) is not None]
    earlier = check(before, paths=there, whole=True, base=base, prefix=prefix, now=now)
    new = introduced(earlier, later)
    refused = [each for each in later.findings if each in new or _bars(each, step, prefix)]
    if refused:
        return StepCheck(tuple(refused), why=None if new else "this must be mended first")
    stood = {_words(each) for each in earlier.findings}
    warned = tuple(each for each in later.findings if each.severity == "warning" and _words(each) not in stood)
    lost = _unproven(step.rollout, after, now)
    then = before.rollout(step.rollout)
    if lost and (then is None or not then.model or _unproven(step.rollout, before, now) is None):
        why, findings = lost
        return StepCheck(findings, warned, why)
    return StepCheck((), warned)


def _concerned(step: StepResult, after: Repository) -> Iterator[str]:
    """Give the files of which a step can make anything wrong, however many others there are.

    They are the rollout's own, the components that it pins, its incidents, rollouts with names that its versions may
    take, and, if a policy counts what is in flight, all that is. A new rollout may take a host from any other.
    """
    yield step.path
    pinned = (record.requires or {} for record in step.after.spec.versions.values())
    components = dict.fromkeys(f"components/{name}.yaml" for each in pinned for name in each)
    incidents = (file.path for file in files_about(step.rollout, after) if file.content)
    namesakes = (f"rollouts/{name}.yaml" for name in after.names_from("rollouts", f"{step.rollout}-v"))
    yield from (path for path in (*components, *incidents, *namesakes) if after.file(path) is not None)
    yield from (f"rollouts/{name}.yaml" for name in policies.counted_in_flight(after) if name != step.rollout)
    if step.before is None:
        yield WORKSPACE_FILE


def _bars(finding: Finding, step: StepResult, prefix: str) -> bool:
    """Return whether an error that stood before is a reason against a step, too.

    One that keeps the rollout, or what decides about it, from being read is; others' errors are not.
    """
    path = finding.file.removeprefix(f"{prefix}/")
    others = path != step.path and path.startswith(("rollouts/", "incidents/"))
    stands = finding.name in GATES or (path == step.path and step.name in _FORWARD)
    return finding.severity == "error" and stands and not others


def _words(finding: Finding) -> tuple[str, str]:
    return finding.name, finding.message


def _unproven(rollout: str, repository: Repository, now: datetime | None) -> tuple[str, tuple[Finding, ...]] | None:
    """Return why a rollback from here could not be made, or what it would bring; None if each way back is proven."""
    for each in drill(repository, rollout, now=now, reach="here"):
        if each.findings:
            words = f"a rollback from {each.failed} to {each.restored} would not pass its own check"
            return words, each.findings
        if each.verdict == "failed":
            return f"a rollback from {each.failed} {each.why}", ()
    return None
