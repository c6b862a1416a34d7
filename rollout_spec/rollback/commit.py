"""What a person sees is a revert: the subject of the newest commit that is undone, and one line for each of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rollout_spec.core.findings import Finding
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.text import one_line, with_checks
from rollout_spec.core.units import NAME, format_time
from rollout_spec.rollback.outcomes import NoRollbackTarget, Rollback
from rollout_spec.rollback.pull_request import body, incident_body
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
    """Turn a rollback into a commit and a pull request; see ``body`` for what the latter says of findings.

    The commit is a function of base and breach alone; what the guards said stands in the pull request.
    """
    files = [repository.rollout(part.rollout) for part in rollback.parts]
    asked = (name for file in files if file and file.model for name in file.model.spec.rollback.reviewers or ())
    return ProposedChange(
        branch=rollback.branch,
        message=with_checks(message(rollback)),
        edits=_from_root(rollback, prefix),
        date=rollback.breach.observed_at,
        title=with_checks(subject(rollback)),
        body=body(rollback, repository, verdict, existing, remaining, comparison),
        labels=("rollback", *(f"rollout:{part.rollout}" for part in rollback.parts)),
        reviewers=tuple(dict.fromkeys(asked)),
        draft=verdict.action == "draft",
        arm=verdict.auto_merge,
    )


def incident_change(
    stuck: NoRollbackTarget, repository: Repository, verdict: GuardVerdict, *, prefix: str = ""
) -> ProposedChange:
    """Turn the incident of a version that nothing can replace into a commit and a pull request."""
    file = repository.rollout(stuck.rollout)
    title = f"Open incident {stuck.incident}: no rollback target for {stuck.rollout} {stuck.failed}"
    reasons = [f"- {version}: {reason}" for version, reason in stuck.skipped] or ["- knownGood is empty"]
    lines = [
        title,
        "",
        f"{stuck.rollout} {stuck.failed} failed, {_told(stuck)}. It serves on: no known-good version can.",
        "",
        *(one_line(reason) for reason in reasons),
        "",
        f"No-Way-Back-From: {stuck.rollout}/{stuck.failed}",
        f"Breach-Id: {stuck.breach.id}",
    ]
    return ProposedChange(
        branch=stuck.branch,
        message=with_checks("\n".join(lines) + "\n"),
        edits=_from_root(stuck, prefix),
        date=stuck.breach.observed_at,
        title=title,
        body=incident_body(stuck, verdict),
        labels=("incident", f"rollout:{stuck.rollout}"),
        reviewers=tuple(file.model.spec.rollback.reviewers or ()) if file and file.model else (),
    )


def _from_root(decision: Rollback | NoRollbackTarget, prefix: str) -> dict[str, bytes | None]:
    start = f"{prefix}/" if prefix else ""
    return {start + path: content for path, content in decision.edits.items()}


def subject(rollback: Rollback) -> str:
    """Return the first line of the commit, as ``git revert`` writes it."""
    if rollback.companions:
        moves = ", ".join(f"{part.rollout} {part.failed} to {part.restored}" for part in rollback.parts)
        return one_line(f"Roll back {moves}", 200)
    if rollback.undone.steps:
        return f'Revert "{one_line(rollback.undone.steps[0].subject, 200)}"'
    return f"Roll back {rollback.rollout} from {rollback.failed} to {rollback.restored}"


def message(rollback: Rollback) -> str:
    """Return the whole commit message: subject, what happened, the commits that are undone, trailers."""
    lines = [subject(rollback), ""]
    for part in rollback.parts:
        lines += [
            f"{part.rollout} {part.failed} failed at {part.stage}, {_told(part)}.",
            f"Traffic goes back to {part.restored}; incident {part.incident} quarantines {part.failed}.",
            "",
        ]
        if part.skipped:
            lines += [f"{version} was passed over: {one_line(reason)}." for version, reason in part.skipped] + [""]
    reverted = dict.fromkeys(step.commit for part in rollback.parts for step in part.undone.steps)
    if reverted:
        lines += [f"This reverts commit {commit}." for commit in reverted] + [""]
    for part in rollback.parts:
        lines += [f"Rollback-Of: {part.rollout}/{part.failed}", f"Rollback-To: {part.rollout}/{part.restored}"]
    lines.append(f"Breach-Id: {rollback.breach.id}")
    return "\n".join(lines) + "\n"


def _told(decision: Rollback | NoRollbackTarget) -> str:
    breach = decision.breach
    by = f" by {breach.trigger}" if breach.trigger and re.fullmatch(NAME, breach.trigger) else ""
    return f"told{by} on {format_time(breach.observed_at)}"
