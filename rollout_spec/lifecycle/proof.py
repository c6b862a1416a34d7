"""A step that would bring findings is not taken: nobody reviews what its own check would turn down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout_spec.check import check, introduced
from rollout_spec.drill import drill
from rollout_spec.finding import Finding, Report
from rollout_spec.lifecycle.steps import Taken
from rollout_spec.repository import Repository
from rollout_spec.rules import GATES


@dataclass(frozen=True)
class Proof:
    """What a step would bring: ``refused`` are errors, ``warned`` is what it brings and may. ``why`` says more."""

    refused: tuple[Finding, ...] = ()
    warned: tuple[Finding, ...] = ()
    why: str | None = None


def prove(
    step: Taken,
    repository: Repository,
    *,
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
) -> Proof:
    """Check the rollout before a step and after it, and roll the result back in memory. See ``check`` for the rest.

    Errors that stood before stand in no step's way, unless nothing can be rendered for them.
    """
    after = repository.edited(step.edits)
    later = check(after, paths=[step.path], base=base, prefix=prefix, now=now)
    earlier = Report(())
    if step.before is not None:
        earlier = check(repository, paths=[step.path], base=base, prefix=prefix, now=now)
    new = introduced(earlier, later)
    refused = [each for each in later.findings if each in new or (each.severity == "error" and each.name in GATES)]
    if refused:
        return Proof(tuple(refused), why=None if new else "this must be mended first")
    stood = {_words(each) for each in earlier.findings}
    warned = tuple(each for each in later.findings if each.severity == "warning" and _words(each) not in stood)
    lost = _unproven(step.rollout, after, now)
    if lost and (step.before is None or _unproven(step.rollout, repository, now) is None):
        why, findings = lost
        return Proof(findings, warned, why)
    return Proof((), warned)


def _words(finding: Finding) -> tuple[str, str]:
    return finding.name, finding.message


def _unproven(rollout: str, repository: Repository, now: datetime | None) -> tuple[str, tuple[Finding, ...]] | None:
    """Return why a rollback from here could not be made, or what it would bring; None where each way back is proven."""
    for each in drill(repository, rollout, now=now, reach="here"):
        if each.findings:
            words = f"a rollback from {each.failed} to {each.restored} would not pass its own check"
            return words, each.findings
        if each.verdict == "failed":
            return f"a rollback from {each.failed} {each.why}", ()
    return None
