"""The pull request of a rollback or of an incident, and the comments on open ones, in Markdown.

The verdict comes first. A body that is too long is cut at its end.
"""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, fenced, quoted, table
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.outcomes import NoRollbackTarget, Rollback
from rollout_spec.rollback.pull_request_sections import (
    ManifestComparison,
    breach_table,
    checks_section,
    components_section,
    evidence_section,
    kept_section,
    other_rollouts_section,
    undone_section,
)
from rollout_spec.rollback.verdict import GuardVerdict
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.repository import Repository

LONGEST_BODY = 60_000
"""In characters; GitHub takes 65,536, and the other forges take more."""


def body(
    rollback: Rollback,
    repository: Repository,
    verdict: GuardVerdict,
    existing: Sequence[Finding] = (),
    remaining: Sequence[Finding] = (),
    comparison: ManifestComparison | None = None,
) -> str:
    """Return the body of the pull request of a rollback.

    ``existing`` are older errors, ``remaining`` are new ones that a person must decide about. ``comparison`` compares
    the manifests with those of the last commit with the same ``live``.
    """
    failed = " and ".join(failure_text(part) for part in rollback.parts)
    restored = " and ".join(f"{part.rollout} {part.restored}" for part in rollback.parts)
    whose = "their" if rollback.companions else "its"
    parts = [f"**{failed}. This restores {restored} with {whose} components.** {_verdict_text(verdict)}"]
    for part in rollback.parts:
        parts += _part_sections(part, repository, f": {part.rollout}" if rollback.companions else "")
    parts += [
        "### Checks\n\n" + checks_section(rollback, existing, remaining, comparison),
        "### Other rollouts\n\n" + (bullets(other_rollouts_section(rollback, repository)) or "None is affected."),
        "### What to do\n\n" + _steps(rollback, verdict, _model(rollback, repository)),
    ]
    fields = f"workspace={rollback.workspace} rollout={rollback.rollout} version={rollback.failed}"
    marker = f"<!-- rollout-spec: rollback {fields} breach={rollback.breach.id} -->\n"
    room = LONGEST_BODY - len(marker) - sum(len(part) + 2 for part in parts)
    head = f"### The manifests, compared with {comparison.commit[:12]}\n\n" if comparison is not None else ""
    if comparison is not None and (diff := fenced(comparison.diff, room - len(head) - 2)):
        parts.append(head + diff)
    text = "\n\n".join(parts)
    if room < 0:
        text = text[: LONGEST_BODY - len(marker) - 5] + "\n\n…"
    return f"{text}\n\n{marker}"


def failure_text(part: Rollback) -> str:
    """Return the failed version and its place in the rollout: ``fraud 42 failed in canary-5``."""
    where = "while stable" if part.stage == PROMOTED else f"in {part.stage}"
    return f"{part.rollout} {part.failed} failed {where}"


def _part_sections(part: Rollback, repository: Repository, suffix: str) -> list[str]:
    """Return the sections about one rollout. ``suffix`` names it in the titles."""
    traffic = [("now", code(part.before.text)), ("after this merges", code(part.after.text))]
    return [
        f"### Failed and restored version{suffix}\n\n" + components_section(part, _model(part, repository), repository),
        f"### Traffic{suffix}\n\n" + table(traffic),
        f"### Evidence{suffix}\n\n" + evidence_section(part),
        f"### Undone and kept{suffix}\n\n" + undone_section(part) + "\n\n" + kept_section(part),
    ]


def incident_body(no_target: NoRollbackTarget, verdict: GuardVerdict) -> str:
    """Return the body of the pull request of an incident alone: no version can replace the failed one."""
    reasons = [f"{version} was skipped: {quoted(reason)}." for version, reason in no_target.skipped]
    name = f"{no_target.rollout} {no_target.failed}"
    parts = [
        f"**{name} failed, and has no rollback target. It stays live.** {_held_text(verdict)}".strip(),
        "### Why nothing is restored\n\n" + (bullets(reasons) or "`knownGood` is empty."),
        "### Evidence\n\n" + breach_table(no_target.breach),
        "### What to do\n\n"
        f"1. Merge this to record the incident. It keeps {no_target.failed} from coming back once another version is "
        "stable.\n"
        f"2. Record a fix, and advance it with `--fixes {no_target.incident}`, which may skip stages.",
    ]
    fields = f"workspace={no_target.workspace} rollout={no_target.rollout} version={no_target.failed}"
    return "\n\n".join(parts) + f"\n\n<!-- rollout-spec: incident {fields} breach={no_target.breach.id} -->\n"


def _model(part: Rollback, repository: Repository) -> ModelRollout:
    file = repository.rollout(part.rollout)
    assert file is not None and file.model is not None
    return file.model


def _held_text(verdict: GuardVerdict) -> str:
    """Name the guards that would have held an automatic rollback; empty if there are none."""
    reasons = "; ".join(f"{reason.message} ({code(reason.guard)})" for reason in verdict.held)
    return f"A person ordered it. Guards would have held an automatic rollback: {reasons}." if reasons else ""


def _verdict_text(verdict: GuardVerdict) -> str:
    return f"{_action_text(verdict)} {_held_text(verdict)}".strip()


def _action_text(verdict: GuardVerdict) -> str:
    if verdict.action == "draft":
        return f"It is a draft for a person to review: {verdict.summary}."
    if verdict.action == "notify":
        return f"It is not pushed: {verdict.summary}."
    return "It merges automatically once its checks pass." if verdict.auto_merge else "It is ready to merge."


def _steps(rollback: Rollback, verdict: GuardVerdict, rollout: ModelRollout) -> str:
    runbook, name = rollout.spec.rollback.runbook, rollback.rollout
    review = "Review the diff: `live`, the incident, the manifests."
    if runbook:
        review += f" The runbook is <{runbook}>."
    if verdict.auto_merge:
        merge = "It merges automatically. To stop the next one, set `automation.mode` or add `.rollout-spec-pause`."
    else:
        merge = "Mark it ready and merge it." if verdict.action == "draft" else "Merge it."
    return "\n".join(
        [
            f"1. {review}",
            f"2. {merge} If the forge is down, run `git fetch origin {rollback.branch}` and merge `FETCH_HEAD`.",
            f"3. Find the cause, and resolve the incident: `rollout-spec incident show {rollback.incident}` prints the "
            f"command. {rollback.failed} stays quarantined until it is resolved as `cleared`.",
            f"4. Release a fix as a new version; with `fixes: {rollback.incident}` it may skip stages. To release "
            f"{rollback.failed} again, first resolve the incident as `cleared`, then run "
            f"`rollout-spec propose {name} {rollback.failed}`.",
        ]
    )


def repeat_comment(rollback: Rollback, verdict: GuardVerdict) -> str:
    """Return the comment on an open rollback about another breach of the same version."""
    outcomes = {"draft": "its rollback would be a draft", "act": "its rollback needs no reviewer"}
    outcome = outcomes.get(verdict.action, verdict.action)
    return (
        f"**{rollback.rollout} {rollback.failed} failed again. For this breach alone, {outcome}: {verdict.summary}.**"
        "\n\n" + evidence_section(rollback)
    )


def step_warning(rollback: Rollback, url: str) -> str:
    """Return the comment on the open pull request of a step of a rollout that is rolled back."""
    return (
        f"**{failure_text(rollback)}, and {url} rolls it back to {rollback.restored}. Merge that one first.** "
        f"After that merge, {rollback.incident} quarantines {rollback.failed}. The check of this pull request then "
        f"fails if it leads to {rollback.failed}."
    )
