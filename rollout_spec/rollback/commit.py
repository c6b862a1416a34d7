"""The commit and the pull request of a rollback, or of an incident alone.

The commit looks like a revert: it has one line for each commit that it undoes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rollout_spec.core.commit_message import with_checks
from rollout_spec.core.findings import Finding
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.text import one_line
from rollout_spec.core.units import NAME, format_time
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.outcomes import NoRollbackTarget, Rollback
from rollout_spec.rollback.pull_request import body, failure_text, incident_body
from rollout_spec.rollback.pull_request_sections import ManifestComparison
from rollout_spec.rollback.verdict import GuardVerdict
from rollout_spec.workspace.repository import Repository


def rollback_change(
    rollback: Rollback,
    repository: Repository,
    verdict: GuardVerdict,
    *,
    prefix: str = "",
    existing: Sequence[Finding] = (),
    remaining: Sequence[Finding] = (),
    comparison: ManifestComparison | None = None,
) -> ProposedChange:
    """Return the commit and the pull request of a rollback. ``body`` explains the findings.

    The commit depends on base and breach alone. The verdict of the guards is in the pull request.
    """
    files = [repository.rollout(part.rollout) for part in rollback.parts]
    reviewers = (name for file in files if file and file.model for name in file.model.spec.rollback.reviewers or ())
    return ProposedChange(
        branch=rollback.branch,
        message=with_checks(message(rollback)),
        edits=_from_root(rollback, prefix),
        date=rollback.breach.observed_at,
        title=with_checks(subject(rollback)),
        body=body(rollback, repository, verdict, existing, remaining, comparison),
        labels=("rollback", *(f"rollout:{part.rollout}" for part in rollback.parts)),
        reviewers=tuple(dict.fromkeys(reviewers)),
        draft=verdict.action == "draft",
        auto_merge=verdict.auto_merge,
    )


def incident_change(
    no_target: NoRollbackTarget, repository: Repository, verdict: GuardVerdict, *, prefix: str = ""
) -> ProposedChange:
    """Return the commit and the pull request of an incident alone: no version can replace the failed one."""
    file = repository.rollout(no_target.rollout)
    failed = f"{no_target.rollout} {no_target.failed}"
    title = f"Open incident {no_target.incident}: no rollback target for {failed}"
    reasons = [f"- {version}: {reason}" for version, reason in no_target.skipped] or ["- knownGood is empty"]
    lines = [
        title,
        "",
        f"{failed} failed: {_breach_text(no_target)}. It stays live: no known-good version can replace it.",
        "",
        *(one_line(reason) for reason in reasons),
        "",
        f"No-Way-Back-From: {no_target.rollout}/{no_target.failed}",
        f"Breach-Id: {no_target.breach.id}",
    ]
    return ProposedChange(
        branch=no_target.branch,
        message=with_checks("\n".join(lines) + "\n"),
        edits=_from_root(no_target, prefix),
        date=no_target.breach.observed_at,
        title=title,
        body=incident_body(no_target, verdict),
        labels=("incident", f"rollout:{no_target.rollout}"),
        reviewers=tuple(file.model.spec.rollback.reviewers or ()) if file and file.model else (),
    )


def _from_root(decision: Rollback | NoRollbackTarget, prefix: str) -> dict[str, bytes | None]:
    start = f"{prefix}/" if prefix else ""
    return {start + path: content for path, content in decision.edits.items()}


def subject(rollback: Rollback) -> str:
    """Return the subject of the commit: the models and versions, the trigger and the stage.

    It quotes nothing that a person wrote, because a forge may take words of a subject as orders.
    """
    moves = ", ".join(f"{part.rollout} {part.failed} to {part.restored}" for part in rollback.parts)
    trigger = rollback.breach.trigger or ""
    reason = f": {trigger}" if re.fullmatch(NAME, trigger) else ""
    stage = f" at {rollback.stage}" if not rollback.companions and rollback.stage not in ("", PROMOTED) else ""
    return one_line(f"Revert {moves}{reason}{stage}", 200)


def message(rollback: Rollback) -> str:
    """Return the commit message: the subject, the failures, the commits that are undone, and the trailers."""
    lines = [subject(rollback), ""]
    for part in rollback.parts:
        lines += [
            f"{failure_text(part)}: {_breach_text(part)}.",
            f"Traffic returns to {part.restored}. Incident {part.incident} quarantines {part.failed}.",
            "",
        ]
        if part.skipped:
            lines += [f"{version} was skipped: {one_line(reason)}." for version, reason in part.skipped] + [""]
    reverted = dict.fromkeys(step.commit for part in rollback.parts for step in part.undone.steps)
    if reverted:
        lines += [f"This reverts commit {commit}." for commit in reverted] + [""]
    for part in rollback.parts:
        lines += [f"Rollback-Of: {part.rollout}/{part.failed}", f"Rollback-To: {part.rollout}/{part.restored}"]
    lines.append(f"Breach-Id: {rollback.breach.id}")
    return "\n".join(lines) + "\n"


def _breach_text(decision: Rollback | NoRollbackTarget) -> str:
    breach = decision.breach
    by_trigger = f" by {breach.trigger}" if breach.trigger and re.fullmatch(NAME, breach.trigger) else ""
    return f"breach reported{by_trigger} at {format_time(breach.observed_at)}"
