"""The report of drift as Markdown."""

from __future__ import annotations

from rollout_spec.core.markdown import bullets, code, quoted, table
from rollout_spec.domain.drift.report import DriftReport
from rollout_spec.reports.drift_text import (
    MOST_FEATURES,
    limits_line,
    main_reason,
    performance_line,
    side_line,
    summary,
)


def drift_markdown(report: DriftReport) -> str:
    """Return the verdict, both sides, and a table of the features."""
    sides = [f"window: {quoted(side_line(report.window))}", f"reference: {quoted(side_line(report.reference))}"]
    parts = [f"**Drift of {quoted(summary(report))}.**", bullets([*sides, quoted(limits_line(report))])]
    rows = [
        (
            code(feature.name, 100),
            f"**{feature.verdict}**",
            f"{feature.psi:.3f}" if feature.psi is not None else "",
            quoted(main_reason(feature)),
        )
        for feature in report.sorted[:MOST_FEATURES]
    ]
    if rows:
        parts.append(table(rows, ("feature", "verdict", "PSI", "evidence")))
    lines = [f"{code(each.version)}, {code(each.output, 100)}: {quoted(performance_line(each))}"
             for each in report.performance]  # fmt: skip
    lines += [quoted(note) for note in report.notes]
    left_out = len(report.features) - MOST_FEATURES
    if left_out > 0:
        lines.append(f"and {left_out} more features, none with a stronger verdict")
    return "\n\n".join([*parts, bullets(lines)] if lines else parts)
