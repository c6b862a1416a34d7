"""The sections of a rollback's pull request, each in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollout_spec.core.breach import Breach
from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, quoted, table
from rollout_spec.core.text import join_some
from rollout_spec.core.units import format_time
from rollout_spec.domain.dependents import Dependent, dependents
from rollout_spec.domain.pins import satisfies
from rollout_spec.domain.rollback_targets import compatibility_risk
from rollout_spec.rollback.components import ComponentSwitch
from rollout_spec.rollback.outcomes import Rollback
from rollout_spec.spec.rollout import ModelRollout, VersionRecord
from rollout_spec.workspace.repository import Repository

MOST_FINDINGS = 10


@dataclass(frozen=True)
class ManifestComparison:
    """The diff between a rollback's manifests and those of an earlier commit, empty if equal."""

    commit: str
    diff: str


def evidence_section(rollback: Rollback) -> str:
    """Return the evidence of the breach, and of those that were reported with it."""
    also = [
        f"{code(breach.trigger or 'none')} since {format_time(breach.observed_at)}, reported by {code(breach.source)}"
        + (f": {code(breach.evidence.summary)}" if breach.evidence.summary else "")
        for breach in rollback.breach.also
    ]
    reported_with_it = f"\n\nReported with it:\n\n{bullets(also)}" if also else ""
    return breach_table(rollback.breach) + reported_with_it


def breach_table(breach: Breach) -> str:
    """Return a table of the facts of a breach."""
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
        rows.append(("link", f"<{evidence.url}>"))
    return table(rows)


def components_section(rollback: Rollback, rollout: ModelRollout, repository: Repository) -> str:
    """Return a table of the failed and the restored record, with notes on components and skipped versions."""
    failed, restored = (rollout.spec.versions[version] for version in (rollback.failed, rollback.restored))
    rows = [("version", rollback.failed, rollback.restored), *_record_rows(failed, restored)]
    comparison = table([(key, code(old), code(new)) for key, old, new in rows], ("", "failed", "restored"))
    notes = list(_notes(rollback, rollout, repository))
    return comparison + (f"\n\n{bullets(notes)}" if notes else "")


def _notes(rollback: Rollback, rollout: ModelRollout, repository: Repository) -> Iterator[str]:
    for switch in sorted(rollback.switches, key=lambda switch: switch.is_blocked):
        yield _switch_note(switch, rollback.restored)
    for version, reason in rollback.skipped:
        yield f"{version} was skipped: {quoted(reason)}."
    if (risk := compatibility_risk(rollout, rollback.restored, repository)) is not None:
        changes = join_some([code(change) for change in risk.changes], MOST_FINDINGS)
        yield f"{rollback.restored} {risk.summary}: {changes}. No known-good version avoids this."
    if rollback.withdrawn:
        yield f"The candidate {rollback.withdrawn} is withdrawn. It gets no incident."


def _switch_note(switch: ComponentSwitch, restored: str) -> str:
    if switch.is_blocked:
        return (
            f"{switch.component} **stays** at {switch.served}, because {switch.needed_by_text} it, but {restored} "
            f"needs {switch.required}. A person must decide; until then the check of this pull request fails."
        )
    return f"{switch.component} is switched from {switch.served} to {switch.required} in the same commit."


def _record_rows(failed: VersionRecord, restored: VersionRecord) -> list[tuple[str, str | None, str | None]]:
    """Return the fields of two records that at least one of them has."""
    rows = [(name, getattr(failed, name), getattr(restored, name)) for name in ("model", "artifact", "digest")]
    old, new = (
        {part.name: part.digest or part.artifact for part in record.parts or ()} for record in (failed, restored)
    )
    rows += [(f"part {name}", old.get(name), new.get(name)) for name in sorted({*old, *new})]
    old_pins, new_pins = failed.requires or {}, restored.requires or {}
    rows += [(f"pin {name}", old_pins.get(name), new_pins.get(name)) for name in sorted({*old_pins, *new_pins})]
    return [row for row in rows if row[1] or row[2]]


def undone_section(rollback: Rollback) -> str:
    """Return the commits that the rollback undoes."""
    undone = rollback.undone
    if undone.reason:
        return f"Cannot tell which commits this undoes: {undone.reason}."
    if not undone.steps:
        return "No commit since the version was proposed has changed `live`."
    return "Undone:\n\n" + bullets([f"{step.commit} {code(step.subject)}" for step in undone.steps])


def kept_section(rollback: Rollback) -> str:
    """Return the lines and commits that the rollback keeps."""
    text = (
        "In the rollout's file only `live` is edited; every other line stays as it is. "
        f"The record of {rollback.failed} also stays, for the investigation."
    )
    if rollback.undone.kept_edits:
        edits = [f"{step.commit} {code(step.subject)}" for step in rollback.undone.kept_edits]
        text += f"\n\nKept commits since {rollback.failed} was proposed:\n\n{bullets(edits)}"
    return text


def checks_section(
    rollback: Rollback, existing: Sequence[Finding], remaining: Sequence[Finding], comparison: ManifestComparison | None
) -> str:
    """Return the results of the comparison of manifests and of the rules."""
    lines = []
    for part in rollback.parts:
        same = f"The manifests that run {part.restored} are byte for byte the deployed ones: only traffic moves."
        differs = f"The manifests that run {part.restored} **change**: read the diff of `manifests/`."
        lines.append(same if part.workload_unchanged else differs)
    if comparison is not None:
        earlier = f"those of {comparison.commit[:12]}, the last commit with the same `live`"
        same = f"All manifests are byte for byte {earlier}."
        lines.append(f"The manifests differ from {earlier}: the diff is below." if comparison.diff else same)
    result = "a person must decide about its new findings" if remaining else "it adds no finding"
    lines.append(f"The result was checked with the rules for any change: {result}.")
    lines += [*_findings("New", remaining), *_findings("Older", existing)]
    return bullets(lines)


def _findings(age: str, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the first findings, and the number of those that are left out."""
    yield from (f"{age} finding: {_finding_text(finding)}" for finding in findings[:MOST_FINDINGS])
    if (missing := len(findings) - MOST_FINDINGS) > 0:
        yield f"{age} findings: {missing:,} more. `rollout-spec check` lists all."


def _finding_text(finding: Finding) -> str:
    return code(f"{finding.file}:{finding.line}: {finding.message}")


def other_rollouts_section(rollback: Rollback, repository: Repository) -> list[str]:
    """Return the pins of other rollouts on the components that are switched or blocked."""
    own = {part.rollout for part in rollback.parts}
    lines = []
    for switch in (switch for part in rollback.parts for switch in part.switches):
        name = switch.component
        if switch.is_blocked:
            lines += [f"{_pin_text(pin, name)}. Therefore {name} stays." for pin in switch.needed_by]
            continue
        for pin in (pin for pin in dependents(name, repository).pins if pin.rollout not in own):
            if satisfies(switch.required, pin.pin):
                effect = "which satisfies the pin"
            else:
                effect = f"which does not satisfy the pin; {switch.served} does not either"
            lines.append(f"{_pin_text(pin, name)}. {name} is switched to {switch.required}, {effect}.")
    return list(dict.fromkeys(lines))


def _pin_text(pin: Dependent, component: str) -> str:
    text = f"pins {component} {code(pin.pin)}" if pin.pin else f"names {component}"
    return f"{pin.rollout} {pin.version} {text}"
