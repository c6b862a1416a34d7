"""The check of a resolution before it is written, and the way to write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.runner import CheckOptions, check, is_sound
from rollout_spec.core.findings import Finding
from rollout_spec.lifecycle.incident_resolution import ResolvedIncident, ResolveRequest, resolve, with_manifests
from rollout_spec.workflows.step_check import failed_drill
from rollout_spec.workspace.repository import Repository

_WHOLE = CheckOptions(whole=True)


@dataclass(frozen=True)
class ResolveOptions:
    """The way to write a resolution."""

    now: datetime
    is_commit: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True)
class CheckedResolution:
    """A resolution with the errors that refuse it. ``why`` is a reason without a finding."""

    done: ResolvedIncident
    refused: tuple[Finding, ...] = ()
    why: str | None = None

    @property
    def is_refused(self) -> bool:
        """Return whether the resolution must not be written."""
        return bool(self.refused or self.why)


def resolved(repository: Repository, request: ResolveRequest) -> ResolvedIncident:
    """Resolve an incident in memory, with the manifests that change with it."""
    done = resolve(repository, request)
    after = repository.edited(done.edits)
    file = after.rollout(done.spec.rollout)
    return with_manifests(done, repository) if file is not None and is_sound(file, after) else done


def checked_resolution(
    request: ResolveRequest, repository: Repository, bases: Sequence[Repository], prefix: str, now: datetime
) -> CheckedResolution:
    """Resolve an incident in memory, and check it like a pull request into each base.

    An error of the incident's own file refuses it, and so does each new error of its rollout.
    """
    done = resolved(repository, request)
    after = repository.edited(done.edits)
    rollout = f"rollouts/{done.spec.rollout}.yaml"
    paths = [path for path in (done.path, rollout) if after.tree.read(path) is not None]
    own = f"{prefix}/{done.path}" if prefix else done.path
    refused: dict[Finding, None] = {}
    for base in bases or [repository]:
        earlier = check(repository, paths=paths, base=base, prefix=prefix, now=now, options=_WHOLE)
        later = check(after, paths=paths, base=base, prefix=prefix, now=now, options=_WHOLE)
        errors = [each for each in later.findings if each.severity == "error" and each.file == own]
        refused |= dict.fromkeys((*errors, *introduced(earlier, later)))
    if refused:
        return CheckedResolution(done, tuple(refused))
    failure = failed_drill(done.spec.rollout, after, now) if len(paths) > 1 else None
    if failure is not None and failed_drill(done.spec.rollout, repository, now) is None:
        return CheckedResolution(done, failure[1], failure[0])
    return CheckedResolution(done)
