"""A pull request is read at night: the verdict comes first, and whatever has to be cut, that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollout_spec.core.breach import Breach
from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, fenced, quoted, table
from rollout_spec.core.units import format_time
from rollout_spec.domain.dependents import Dependent, dependents
from rollout_spec.domain.pins import meets
from rollout_spec.domain.rollback_targets import compatibility_risk
from rollout_spec.rollback.decision import NoRollbackTarget, Rollback
from rollout_spec.rollback.verdict import GuardVerdict
from rollout_spec.spec.rollout import ModelRollout, VersionRecord
from rollout_spec.workspace.repository import Repository

LONGEST_BODY = 60_000
"""In characters; GitHub takes 65,536, and the other forges take more."""
_MOST_FINDINGS = 10


@dataclass(frozen=True)
class ManifestComparison:
    """How the manifests that come of a rollback differ from those of an earlier commit; an empty diff: they do not."""

    commit: str
    diff: str


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
            f"### What goes back{of}\n\n" + _stack(part, _model(part, repository), repository),
            f"### Traffic{of}\n\n"
            + table([("now", code(part.before.text)), ("after this merges", code(part.after.text))]),
            f"### Evidence{of}\n\n" + _evidence(part),
            f"### What this undoes, and what it keeps{of}\n\n" + _undone(part) + "\n\n" + _kept(part),
        ]
    parts += [
        "### Proof\n\n" + _proof(rollback, stood, left, proof),
        "### Other rollouts\n\n" + (bullets(_others(rollback, repository)) or "None is touched."),
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
        "### Evidence\n\n" + _observed(stuck.breach),
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


def _evidence(rollback: Rollback) -> str:
    also = [
        f"{code(each.trigger or 'none')} since {format_time(each.observed_at)}, told by {code(each.source)}"
        + (f": {code(each.evidence.summary)}" if each.evidence.summary else "")
        for each in rollback.breach.also
    ]
    more = f"\n\nReported with it:\n\n{bullets(also)}" if also else ""
    return _observed(rollback.breach) + more


def _observed(breach: Breach) -> str:
    evidence = breach.evidence
    rows = [
        ("observed", format_time(breach.observed_at)),
        ("source", code(breach.source)),
        ("trigger", code(breach.trigger or "none")),
    ]
    if evidence.summary:
        rows.append(("summary", code(evidence.summary)))
    if evidence.value is not None:
        rows.append(("value", code(f"{evidence.value:f}")))
    if evidence.url:
        rows.append(("look at", f"<{evidence.url}>"))
    return table(rows)


def _stack(rollback: Rollback, rollout: ModelRollout, repository: Repository) -> str:
    bad, good = (rollout.spec.versions[version] for version in (rollback.failed, rollback.restored))
    rows = [("version", rollback.failed, rollback.restored), *_rows(bad, good)]
    notes = [
        f"{each.component} is switched from {each.up} to {each.wanted} in the same commit."
        for each in rollback.switches
        if not each.stays
    ]
    notes += [
        f"{each.component} **stays** at {each.up}, for {each.who} it, and {rollback.restored} needs "
        f"{each.wanted}: a person decides, and until then the check of this fails."
        for each in rollback.switches
        if each.stays
    ]
    notes += [f"{version} was passed over: {quoted(reason)}." for version, reason in rollback.passed_over]
    if (refusal := compatibility_risk(rollout, rollback.restored, repository)) is not None:
        shown = ", ".join(map(code, refusal.changes[:_MOST_FINDINGS]))
        notes.append(f"{rollback.restored} {refusal.summary}: {shown}. No known-good version is without that.")
    if rollback.withdrawn:
        notes.append(f"{rollback.withdrawn}, a candidate in flight, is withdrawn; nothing is held against it.")
    shown = table([(key, code(old), code(new)) for key, old, new in rows], ("", "failed", "restored"))
    return shown + (f"\n\n{bullets(notes)}" if notes else "")


def _rows(bad: VersionRecord, good: VersionRecord) -> list[tuple[str, str | None, str | None]]:
    """Give what the two records say, but for what neither does."""
    rows = [(name, getattr(bad, name), getattr(good, name)) for name in ("model", "artifact", "digest")]
    parts, others = ({part.name: part.digest or part.artifact for part in record.parts or ()} for record in (bad, good))
    rows += [(f"part {name}", parts.get(name), others.get(name)) for name in sorted({*parts, *others})]
    ours, theirs = bad.requires or {}, good.requires or {}
    rows += [(f"pin {name}", ours.get(name), theirs.get(name)) for name in sorted({*ours, *theirs})]
    return [row for row in rows if row[1] or row[2]]


def _undone(rollback: Rollback) -> str:
    undone = rollback.undone
    if undone.reason:
        return f"Which commits this undoes is not known: {undone.reason}."
    if not undone.steps:
        return "No commit that changed `live` since the version was proposed was found."
    return "Undone:\n\n" + bullets([f"{step.commit} {code(step.subject)}" for step in undone.steps])


def _kept(rollback: Rollback) -> str:
    text = (
        "Of the rollout's file only `live` is edited; every other line of the file stays as its owners left it. "
        f"The record of {rollback.failed} stays too: it is under investigation."
    )
    if rollback.undone.kept:
        edits = [f"{step.commit} {code(step.subject)}" for step in rollback.undone.kept]
        text += f"\n\nKept, of what came after {rollback.failed} was proposed:\n\n{bullets(edits)}"
    return text


def _proof(
    rollback: Rollback, stood: Sequence[Finding], left: Sequence[Finding], proof: ManifestComparison | None
) -> str:
    lines = []
    for part in rollback.parts:
        same = f"What runs {part.restored} is byte for byte what is deployed now: only traffic moves."
        differs = f"What runs {part.restored} **changes** with this: read the diff of `manifests/`."
        lines.append(same if part.unchanged else differs)
    if proof is not None:
        before = f"those of {proof.commit[:12]}, where `live` was last the same"
        same = f"The manifests are byte for byte {before}."
        lines.append(f"The manifests differ from {before}: the diff is below." if proof.diff else same)
    brings = "what it brings is left to a person" if left else "it brings no new finding"
    lines.append(f"The result was checked with the same rules as any change, and {brings}.")
    lines += [f"It brings: {_place(each)}" for each in left[:_MOST_FINDINGS]]
    lines += [f"It stood before: {_place(each)}" for each in stood[:_MOST_FINDINGS]]
    return bullets(lines)


def _place(finding: Finding) -> str:
    return code(f"{finding.file}:{finding.line}: {finding.message}")


def _others(rollback: Rollback, repository: Repository) -> list[str]:
    """Return what the components that go back, or stay, are to rollouts that this commit does not take back."""
    own = {part.rollout for part in rollback.parts}
    lines = []
    for each in (switch for part in rollback.parts for switch in part.switches):
        if each.stays:
            lines += [f"{_pinned(pin, each.component)}; {each.component} stays for it." for pin in each.needed_by]
            continue
        for pin in dependents(each.component, repository).pins:
            if pin.rollout not in own:
                met = "which meets it" if meets(each.wanted, pin.pin) else f"and {each.up} does not meet it either"
                lines.append(f"{_pinned(pin, each.component)}; {each.component} goes to {each.wanted}, {met}.")
    return list(dict.fromkeys(lines))


def _pinned(pin: Dependent, component: str) -> str:
    said = f"pins {component} {code(pin.pin)}" if pin.pin else f"names {component}"
    return f"{pin.rollout} {pin.version} {said}"


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
        + _evidence(rollback)
    )


def warning(rollback: Rollback, url: str) -> str:
    """Return the comment on a step of a rollout that is open while the rollout is rolled back."""
    return (
        f"**{rollback.rollout} {rollback.failed} failed at {rollback.moment}, and {url} takes it back to "
        f"{rollback.restored}. Do not merge this before that.** Once that is merged, {rollback.incident} quarantines "
        f"{rollback.failed}, and the check of this fails where it leads to {rollback.failed}."
    )
