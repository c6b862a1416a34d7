"""The report of a gate as Markdown and as lines of a commit message: the evidence of a gated step."""

from __future__ import annotations

from rollout_spec.core.markdown import bullets, code, quoted, table
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.reports.gate_text import judged_time, summary, trigger_line

_LONGEST = 300


def gate_markdown(report: GateReport) -> str:
    """Return the verdict, the judged time, and a table of the triggers."""
    rows = [
        (
            code(each.trigger.name),
            f"**{each.verdict}**" + (" (soft)" if each.trigger.severity == "soft" else ""),
            quoted(trigger_line(each)[:_LONGEST]),
        )
        for each in report.result.sorted
    ]
    parts = [f"**The gate: {quoted(summary(report))}.** Judged {judged_time(report)}."]
    if rows:
        parts.append(table(rows, ("trigger", "verdict", "evidence")))
    judged = ((each.trigger.name, note) for each in report.result.sorted for note in each.judgement.notes)
    notes = [f"{code(name)}: {quoted(note)}" for name, note in judged]
    notes += [f"{code(name)} is not judged: {quoted(reason)}" for name, reason in report.result.skipped]
    notes += [quoted(note) for note in report.notes]
    return "\n\n".join([*parts, bullets(notes)] if notes else parts)


def gate_message(report: GateReport) -> list[str]:
    """Return the evidence as lines of a commit message."""
    lines = [f"The gate judged {judged_time(report)}: {report.verdict}."]
    return lines + [f"- {each.trigger.name}: {each.verdict}. {trigger_line(each)}." for each in report.result.sorted]
