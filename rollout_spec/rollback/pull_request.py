"""A pull request is read at night: the verdict comes first, and whatever has to be cut, that is not."""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, fenced, quoted, table
from rollout_spec.rollback.outcomes import NoRollbackTarget, Rollback
from rollout_spec.rollback.pull_request_sections import (
    ManifestComparison,
    checks_made,
    components,
    evidence,
    kept_edits,
    observed,
    other_rollouts,
    undone_commits,
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
    stood: Sequence[Finding] = (),
    left: Sequence[Finding] = (),
    proof: ManifestComparison | None = None,
) -> str:
    """Return the pull request that a person reads at night, in Markdown.

    ``stood`` are errors that were there before, ``left`` those that a person has to decide about; ``proof`` compares
    with the last commit whose ``live`` is where this goes back to.
    """
    failed = " and ".join(f"{part.rollout} {part.failed} failed at {part.moment}" for part in rollback.parts)
    restored = " and ".join(part.restored for part in rollback.parts)
    parts = [f"**{failed}; this takes the whole stack back to {restored}.** {_verdict(verdict)}"]
    for part in rollback.parts:
        of = f" of {part.rollout}" if rollback.also else ""
        parts += [
            f"### What goes back{of}\n\n" + components(part, _model(part, repository), repository),
            f"### Traffic{of}\n\n"
            + table([("now", code(part.before.text)), ("after this merges", code(part.after.text))]),
            f"### Evidence{of}\n\n" + evidence(part),
            f"### What this undoes, and what it keeps{of}\n\n" + undone_commits(part) + "\n\n" + kept_edits(part),
        ]
    parts += [
        "### Proof\n\n" + checks_made(rollback, stood, left, proof),
        "### Other rollouts\n\n" + (bullets(other_rollouts(rollback, repository)) or "None is touched."),
        "### What to do\n\n" + _steps(rollback, verdict, _model(rollback, repository)),
    ]
    named = f"workspace={rollback.workspace} rollout={rollback.rollout} version={rollback.failed}"
    marker = f"<!-- rollout-spec: rollback {named} breach={rollback.breach.id} -->\n"
    room = LONGEST_BODY - len(marker) - sum(len(part) + 2 for part in parts)
    head = f"### The manifests, compared with {proof.commit[:12]}\n\n" if proof is not None else ""
    if proof is not None and (shown := fenced(proof.diff, room - len(head) - 2)):
        parts.append(head + shown)
    text = "\n\n".join(parts)
    if room < 0:
        text = text[: LONGEST_BODY - len(marker) - 5] + "\n\n…"
    return f"{text}\n\n{marker}"


def incident_body(stuck: NoRollbackTarget, verdict: GuardVerdict) -> str:
    """Return the pull request of an incident alone, in Markdown: nothing can replace the failed version."""
    reasons = [f"{version} was passed over: {quoted(reason)}." for version, reason in stuck.passed_over]
    name = f"{stuck.rollout} {stuck.failed}"
    parts = [
        f"**{name} failed, and has no rollback target. It serves on.** {_held(verdict)}".strip(),
        "### Why nothing is restored\n\n" + (bullets(reasons) or "`knownGood` is empty."),
        "### Evidence\n\n" + observed(stuck.breach),
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
    reasons = "; ".join(f"{each.words} ({code(each.guard)})" for each in verdict.held)
    return f"A person ordered it. An automatic one would have been held: {reasons}." if reasons else ""


def _verdict(verdict: GuardVerdict) -> str:
    return f"{_action(verdict)} {_held(verdict)}".strip()


def _action(verdict: GuardVerdict) -> str:
    if verdict.action == "draft":
        return f"It is a draft for a person, because {verdict.words}."
    if verdict.action == "notify":
        return f"It is not pushed, because {verdict.words}."
    return "It merges itself once its checks pass." if verdict.arm else "It is ready to merge."


def _steps(rollback: Rollback, verdict: GuardVerdict, rollout: ModelRollout) -> str:
    runbook, name = rollout.spec.rollback.runbook, rollback.rollout
    read = "Read the diff: `live`, the incident, the manifests." + (f" The runbook is <{runbook}>." if runbook else "")
    if verdict.arm:
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


def again(rollback: Rollback, verdict: GuardVerdict) -> str:
    """Return the comment on a rollback that was open before another breach of the same version was told."""
    word = {"draft": "it would be a draft", "act": "it needs no person"}.get(verdict.action, verdict.action)
    return (
        f"**{rollback.rollout} {rollback.failed} failed again; by this breach {word}: {verdict.words}.**\n\n"
        + evidence(rollback)
    )


def warning(rollback: Rollback, url: str) -> str:
    """Return the comment on a step of a rollout that is open while the rollout is rolled back."""
    return (
        f"**{rollback.rollout} {rollback.failed} failed at {rollback.moment}, and {url} takes it back to "
        f"{rollback.restored}. Do not merge this before that.** Once that is merged, {rollback.incident} quarantines "
        f"{rollback.failed}, and the check of this fails where it leads to {rollback.failed}."
    )
