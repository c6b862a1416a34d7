"""The sections of a rollback's pull request, each in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollout_spec.core.breach import Breach
from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, quoted, table
from rollout_spec.core.units import format_time
from rollout_spec.domain.dependents import Dependent, dependents
from rollout_spec.domain.pins import satisfies
from rollout_spec.domain.rollback_targets import compatibility_risk
from rollout_spec.rollback.outcomes import Rollback
from rollout_spec.spec.rollout import ModelRollout, VersionRecord
from rollout_spec.workspace.repository import Repository

MOST_FINDINGS = 10


@dataclass(frozen=True)
class ManifestComparison:
    """How the manifests that come of a rollback differ from those of an earlier commit; an empty diff: they do not."""

    commit: str
    diff: str


def evidence_section(rollback: Rollback) -> str:
    also = [
        f"{code(each.trigger or 'none')} since {format_time(each.observed_at)}, told by {code(each.source)}"
        + (f": {code(each.evidence.summary)}" if each.evidence.summary else "")
        for each in rollback.breach.also
    ]
    more = f"\n\nReported with it:\n\n{bullets(also)}" if also else ""
    return breach_table(rollback.breach) + more


def breach_table(breach: Breach) -> str:
    details = breach.evidence
    rows = [
        ("observed", format_time(breach.observed_at)),
        ("source", code(breach.source)),
        ("trigger", code(breach.trigger or "none")),
    ]
    if details.summary:
        rows.append(("summary", code(details.summary)))
    if details.value is not None:
        rows.append(("value", code(f"{details.value:f}")))
    if details.url:
        rows.append(("look at", f"<{details.url}>"))
    return table(rows)


def components_section(rollback: Rollback, rollout: ModelRollout, repository: Repository) -> str:
    bad, good = (rollout.spec.versions[version] for version in (rollback.failed, rollback.restored))
    rows = [("version", rollback.failed, rollback.restored), *_rows(bad, good)]
    notes = [
        f"{each.component} is switched from {each.served} to {each.required} in the same commit."
        for each in rollback.switches
        if not each.is_blocked
    ]
    notes += [
        f"{each.component} **stays** at {each.served}, for {each.needed_by_text} it, and {rollback.restored} needs "
        f"{each.required}: a person decides, and until then the check of this fails."
        for each in rollback.switches
        if each.is_blocked
    ]
    notes += [f"{version} was passed over: {quoted(reason)}." for version, reason in rollback.skipped]
    if (refusal := compatibility_risk(rollout, rollback.restored, repository)) is not None:
        shown = ", ".join(map(code, refusal.changes[:MOST_FINDINGS]))
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


def undone_section(rollback: Rollback) -> str:
    undone = rollback.undone
    if undone.reason:
        return f"Which commits this undoes is not known: {undone.reason}."
    if not undone.steps:
        return "No commit that changed `live` since the version was proposed was found."
    return "Undone:\n\n" + bullets([f"{step.commit} {code(step.subject)}" for step in undone.steps])


def kept_section(rollback: Rollback) -> str:
    text = (
        "Of the rollout's file only `live` is edited; every other line of the file stays as its owners left it. "
        f"The record of {rollback.failed} stays too: it is under investigation."
    )
    if rollback.undone.kept_edits:
        edits = [f"{step.commit} {code(step.subject)}" for step in rollback.undone.kept_edits]
        text += f"\n\nKept, of what came after {rollback.failed} was proposed:\n\n{bullets(edits)}"
    return text


def checks_section(
    rollback: Rollback, stood: Sequence[Finding], left: Sequence[Finding], proof: ManifestComparison | None
) -> str:
    lines = []
    for part in rollback.parts:
        same = f"What runs {part.restored} is byte for byte what is deployed now: only traffic moves."
        differs = f"What runs {part.restored} **changes** with this: read the diff of `manifests/`."
        lines.append(same if part.workload_unchanged else differs)
    if proof is not None:
        before = f"those of {proof.commit[:12]}, where `live` was last the same"
        same = f"The manifests are byte for byte {before}."
        lines.append(f"The manifests differ from {before}: the diff is below." if proof.diff else same)
    brings = "what it brings is left to a person" if left else "it brings no new finding"
    lines.append(f"The result was checked with the same rules as any change, and {brings}.")
    lines += [f"It brings: {_place(each)}" for each in left[:MOST_FINDINGS]]
    lines += [f"It stood before: {_place(each)}" for each in stood[:MOST_FINDINGS]]
    return bullets(lines)


def _place(finding: Finding) -> str:
    return code(f"{finding.file}:{finding.line}: {finding.message}")


def other_rollouts_section(rollback: Rollback, repository: Repository) -> list[str]:
    """Return what the components that go back, or stay, are to rollouts that this commit does not take back."""
    own = {part.rollout for part in rollback.parts}
    lines = []
    for each in (switch for part in rollback.parts for switch in part.switches):
        if each.is_blocked:
            lines += [f"{_pinned(pin, each.component)}; {each.component} stays for it." for pin in each.needed_by]
            continue
        for pin in dependents(each.component, repository).pins:
            if pin.rollout not in own:
                met = (
                    "which meets it"
                    if satisfies(each.required, pin.pin)
                    else f"and {each.served} does not meet it either"
                )
                lines.append(f"{_pinned(pin, each.component)}; {each.component} goes to {each.required}, {met}.")
    return list(dict.fromkeys(lines))


def _pinned(pin: Dependent, component: str) -> str:
    said = f"pins {component} {code(pin.pin)}" if pin.pin else f"names {component}"
    return f"{pin.rollout} {pin.version} {said}"
