"""A rollback is proven before it is needed: done in memory, and its result checked like any change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from rollout_spec.breach import Breach
from rollout_spec.check import check, introduced
from rollout_spec.finding import Finding
from rollout_spec.repository import Repository
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.traffic import split

_DRILL = Breach(id="drill", source="drill", rollout="", version=None, observed_at=datetime(2000, 1, 1, tzinfo=UTC))


def drill(
    repository: Repository, rollout: str, *, now: datetime | None = None
) -> Iterator[tuple[Rollback, list[Finding]]]:
    """Roll back from each version that takes requests now; give each rollback with the errors that it would bring.

    A version with no way back gives nothing: the rule ``rollback-ready`` says that without a drill. Policies are asked
    where ``now`` is told, as the check of the rollback's pull request will.
    """
    file = repository.rollout(rollout)
    for version in split(file.model.spec).versions if file and file.model else ():
        decision = roll_back(repository, replace(_DRILL, rollout=rollout, version=version))
        if isinstance(decision, Rollback):
            yield decision, new_findings(repository, decision, now=now)[0]


def result(repository: Repository, rollback: Rollback) -> Repository:
    """Return the repository as it would be after a rollback."""
    return repository.edited(rollback.edits)


def new_findings(
    repository: Repository, rollback: Rollback, *, prefix: str = "", now: datetime | None = None
) -> tuple[list[Finding], list[Finding]]:
    """Check the files that a rollback touches, before it and after it.

    Returns the errors that it would bring, and those that stood before and stay: only the first may refuse it. That no
    further way back is left afterwards is no reason to stay, so that ``rollback-ready`` is not asked.
    """
    after = result(repository, rollback)
    paths = [path for path, content in rollback.edits.items() if content is not None and path.split("/")[0] in FOLDERS]
    if rollback.switched:
        paths += [f"rollouts/{name}.yaml" for name in after.names("rollouts") if f"rollouts/{name}.yaml" not in paths]
    there = [path for path in paths if repository.tree.read(path) is not None]
    later = check(after, paths=paths, base=repository, prefix=prefix, now=now)
    if not later.failed:  # then it does not matter what stood before
        return [], []
    earlier = check(repository, paths=there, prefix=prefix, now=now)
    fresh = [each for each in introduced(earlier, later) if each.name != "rollback-ready"]
    return fresh, [each for each in later.findings if each.severity == "error" and each not in fresh]
