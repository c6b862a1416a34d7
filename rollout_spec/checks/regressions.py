"""The errors that edits introduce: those after the edits that were not there before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from rollout_spec.checks.rules import RULES
from rollout_spec.checks.runner import CheckOptions, check
from rollout_spec.core.findings import Finding, Report
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.repository import Repository

_ERRORS = CheckOptions(errors_only=True)


def introduced(before: Report, after: Report) -> list[Finding]:
    """Return the errors of a report that are not in an earlier one, by file, rule, key and message."""
    old = {
        _identity(finding) for finding in before.findings if finding.severity == "error"
    }  # a new error may be an old warning
    return [finding for finding in after.findings if finding.severity == "error" and _identity(finding) not in old]


def _identity(finding: Finding) -> tuple[object, ...]:
    """Return the identity of a finding.

    It leaves out a message that may differ for the same problem: that of a pin lists the served versions, and that of
    a policy may name versions.
    """
    is_pin = finding.name == "pins-served" and finding.path[:2] == ("spec", "versions")
    return finding.file, finding.name, finding.path, "" if is_pin or is_of_policy(finding) else finding.message


def is_of_policy(finding: Finding) -> bool:
    """Return whether a finding is of a policy, not of a rule."""
    return finding.name not in RULES


def new_findings(
    repository: Repository,
    edits: Mapping[str, bytes | None],
    *,
    switched: Collection[str] = (),
    prefix: str = "",
    now: datetime | None = None,
) -> tuple[list[Finding], list[Finding]]:
    """Return the errors that a rollback's edits introduce, and those that they leave.

    ``switched`` are the components that the rollback switches. Only introduced errors may refuse it. Errors of
    ``rollback-ready`` are left out: a rollback must not be refused because no further rollback target is left.
    """
    after = repository.edited(edits)
    paths = [path for path, content in edits.items() if content is not None and path.split("/")[0] in FOLDERS]
    paths += (path for path in _pinning(switched, after) if path not in paths)
    existing = [path for path in paths if repository.content(path) is not None]
    report_after = check(after, paths=paths, base=repository, prefix=prefix, now=now, options=_ERRORS)
    if not report_after.failed:  # the state before does not matter then
        return [], []
    report_before = check(repository, paths=existing, prefix=prefix, now=now, options=_ERRORS)
    new = [finding for finding in introduced(report_before, report_after) if finding.name != "rollback-ready"]
    return new, [finding for finding in report_after.findings if finding.severity == "error" and finding not in new]


def _pinning(components: Collection[str], repository: Repository) -> Iterator[str]:
    """Yield the rollouts with a record that pins one of these components: a switch concerns them too."""
    for file in map(repository.rollout, repository.names("rollouts") if components else ()):
        records = file.model.spec.versions.values() if file and file.model else ()
        if file and any(name in components for record in records for name in record.requires or {}):
            yield file.path
