"""A pull request is read at night: the verdict comes first, and whatever has to be cut, that is not."""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, fenced, quoted, table
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
    """Return the pull request that a person reads at night, in Markdown.

    ``stood`` are errors that were there before, ``left`` those that a person has to decide about; ``proof`` compares
    with the last commit whose ``live`` is where this goes back to.
    """
    failed = " and ".join(f"{part.rollout} {part.failed} failed at {part.stage}" for part in rollback.parts)
    restored = " and ".join(part.restored for part in rollback.parts)
    parts = [f"**{failed}; this takes the whole stack back to {restored}.** {_verdict(verdict)}"]
    for part in rollback.parts:
        of = f" of {part.rollout}" if rollback.companions else ""
        parts += [
            f"### What goes back{of}\n\n" + components_section(part, _model(part, repository), repository),
            f"### Traffic{of}\n\n"
            + table([("now", code(part.before.text)), ("after this merges", code(part.after.text))]),
            f"### Evidence{of}\n\n" + evidence_section(part),
            f"### What this undoes, and what it keeps{of}\n\n" + undone_section(part) + "\n\n" + kept_section(part),
        ]
    parts += [
        "### Proof\n\n" + checks_section(rollback, existing, remaining, comparison),
        "### Other rollouts\n\n" + (bullets(other_rollouts_section(rollback, repository)) or "None is touched."),
        "### What to do\n\n" + _steps(rollback, verdict, _model(rollback, repository)),
    ]
    named = f"workspace={rollback.workspace} rollout={rollback.rollout} version={rollback.failed}"
    marker = f"<!-- rollout-spec: rollback {named} breach={rollback.breach.id} -->\n"
    room = LONGEST_BODY - len(marker) - sum(len(part) + 2 for part in parts)
    head = f"### The manifests, compared with {comparison.commit[:12]}\n\n" if comparison is not None else ""
    if comparison is not None and (shown := fenced(comparison.diff, room - len(head) - 2)):
        parts.append(head + shown)
    text = "\n\n".join(parts)
    if room < 0:
        text = text[: LONGEST_BODY - len(marker) - 5] + "\n\n…"
    return f"{text}\n\n{marker}"


def incident_body(stuck: NoRollbackTarget, verdict: GuardVerdict) -> str:
    """Return the pull request of an incident alone, in Markdown: nothing can replace the failed version."""
    reasons = [f"{version} was passed over: {quoted(reason)}." for version, reason in stuck.skipped]
    name = f"{stuck.rollout} {stuck.failed}"
    parts = [
        f"**{name} failed, and has no rollback target. It serves on.** {_held(verdict)}".strip(),
        "### Why nothing is restored\n\n" + (bullets(reasons) or "`knownGood` is empty."),
        "### Evidence\n\n" + breach_table(stuck.breach),
        "### What to do\n\n"
        f"1. Merge this for the record: once another version is stable, it keeps {stuck.failed} from coming back.\n"
        f"2. Record a fix, and advance it with `--fixes {stuck.incident}`, which may skip stages.",
    ]
    named = f"workspace={stuck.workspace} rollout={stuck.rollout} version={stuck.failed}"
    return "\n\n".join(parts) + f"\n\n<!-- rollout-spec: incident {named} breach={stuck.breach.id} -->\n"


def _model(part: Rollback, repository: Repository) -> ModelRollout:
    file = repository.rollout(part.rollout)
    assert file is not None and file.model is not None
    return file.model


def _held(verdict: GuardVerdict) -> str:
    """Name the guards that would have held an automatic rollback; empty if none would."""
    reasons = "; ".join(f"{each.message} ({code(each.guard)})" for each in verdict.held)
    return f"A person ordered it. An automatic one would have been held: {reasons}." if reasons else ""


def _verdict(verdict: GuardVerdict) -> str:
    return f"{_action(verdict)} {_held(verdict)}".strip()


def _action(verdict: GuardVerdict) -> str:
    if verdict.action == "draft":
        return f"It is a draft for a person, because {verdict.summary}."
    if verdict.action == "notify":
        return f"It is not pushed, because {verdict.summary}."
    return "It merges itself once its checks pass." if verdict.auto_merge else "It is ready to merge."


def _steps(rollback: Rollback, verdict: GuardVerdict, rollout: ModelRollout) -> str:
    runbook, name = rollout.spec.rollback.runbook, rollback.rollout
    read = "Read the diff: `live`, the incident, the manifests." + (f" The runbook is <{runbook}>." if runbook else "")
    if verdict.auto_merge:
        merge = "It merges itself; `automation.mode` and `.rollout-spec-pause` keep the next one from that."
    else:
        merge = "Mark it ready and merge it." if verdict.action == "draft" else "Merge it."
    return "\n".join(
        [
            f"1. {read}",
            f"2. {merge} Should the forge be down: `git fetch origin {rollback.branch}`, and merge `FETCH_HEAD`.",
            f"3. Find the cause, and write it into `incidents/{rollback.incident}.yaml`. {rollback.failed} stays "
            "quarantined until that is resolved as `cleared`.",
            f"4. A fix is a new version; with `fixes: {rollback.incident}` it may skip stages. To release "
            f"{rollback.failed} again, resolve the incident as `cleared` first, and then propose it as any other: "
            f"`rollout-spec propose {name} {rollback.failed}`.",
        ]
    )


def repeat_comment(rollback: Rollback, verdict: GuardVerdict) -> str:
    """Return the comment on a rollback that was open before another breach of the same version was told."""
    word = {"draft": "it would be a draft", "act": "it needs no person"}.get(verdict.action, verdict.action)
    return (
        f"**{rollback.rollout} {rollback.failed} failed again; by this breach {word}: {verdict.summary}.**\n\n"
        + evidence_section(rollback)
    )


def step_warning(rollback: Rollback, url: str) -> str:
    """Return the comment on a step of a rollout that is open while the rollout is rolled back."""
    return (
        f"**{rollback.rollout} {rollback.failed} failed at {rollback.stage}, and {url} takes it back to "
        f"{rollback.restored}. Do not merge this before that.** Once that is merged, {rollback.incident} quarantines "
        f"{rollback.failed}, and the check of this fails where it leads to {rollback.failed}."
    )
