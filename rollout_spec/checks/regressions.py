"""Errors that edits would bring, as against those that stood before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from rollout_spec.checks.runner import check
from rollout_spec.core.findings import Finding, Report
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.repository import Repository


def introduced(before: Report, after: Report) -> list[Finding]:
    """Return the errors of a report that an earlier one had not: one rule's same words at the same key are old."""
    known = {_identity(each) for each in before.findings if each.severity == "error"}  # a warning may have become one
    return [each for each in after.findings if each.severity == "error" and _identity(each) not in known]


def _identity(finding: Finding) -> tuple[object, ...]:
    """Return what two findings have in common if they are one: for a pin, not the versions that are served instead."""
    is_pin = finding.name == "pins-served" and finding.path[:2] == ("spec", "versions")
    return finding.file, finding.name, finding.path, "" if is_pin else finding.message


def new_findings(
    repository: Repository,
    edits: Mapping[str, bytes | None],
    *,
    switched: Collection[str] = (),
    prefix: str = "",
    now: datetime | None = None,
) -> tuple[list[Finding], list[Finding]]:
    """Check the files that a rollback edits, before it and after it. ``switched`` are the components that it switches.

    Returns the errors that it would bring, and those that stood before and stay: only the first may refuse it. That no
    further way back is left afterwards is no reason to stay, so that ``rollback-ready`` is not asked.
    """
    after = repository.edited(edits)
    paths = [path for path, content in edits.items() if content is not None and path.split("/")[0] in FOLDERS]
    paths += (path for path in _pinning(switched, after) if path not in paths)
    there = [path for path in paths if repository.tree.read(path) is not None]
    later = check(after, paths=paths, base=repository, prefix=prefix, now=now)
    if not later.failed:  # then it does not matter what stood before
        return [], []
    earlier = check(repository, paths=there, prefix=prefix, now=now)
    fresh = [each for each in introduced(earlier, later) if each.name != "rollback-ready"]
    return fresh, [each for each in later.findings if each.severity == "error" and each not in fresh]


def _pinning(components: Collection[str], repository: Repository) -> Iterator[str]:
    """Give the rollouts of which any record pins one of these components: a switch is a matter of theirs too."""
    for file in map(repository.rollout, repository.names("rollouts") if components else ()):
        records = file.model.spec.versions.values() if file and file.model else ()
        if file and any(name in components for record in records for name in record.requires or {}):
            yield file.path
