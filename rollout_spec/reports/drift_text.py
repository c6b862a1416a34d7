"""The report of drift as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.core.text import aligned, excerpt
from rollout_spec.core.units import format_time
from rollout_spec.domain.drift.labelled import Performance, Rate
from rollout_spec.domain.drift.report import DriftReport, FeatureDrift, MeasureVerdict, Side
from rollout_spec.domain.judgement.numbers import percent, rate

MOST_FEATURES = 40
"""The most features in the table, those with the strongest verdicts first."""
LONGEST_NAME = 60


def drift_text(report: DriftReport) -> str:
    """Return the verdict, both sides, and a line for each feature."""
    return "\n".join(_lines(report)) + "\n"


def summary(report: DriftReport) -> str:
    """Return the verdict in one line: ``fraud 42: ok``."""
    return f"{report.rollout} {report.version}: {report.verdict}"


def side_line(side: Side) -> str:
    """Return one side in one line."""
    version = f" of {side.version}" if side.version is not None else ""
    since = f" since {format_time(side.since)}" if side.since is not None else ""
    until = f" until {format_time(side.until)}" if side.until is not None else ""
    return f"{side.rows:,} rows of {excerpt(side.name)}{version}{since}{until}".replace("rows of log of", "rows of")


def limits_line(report: DriftReport) -> str:
    """Return the accepted changes in one line."""
    limits = report.limits
    return (
        f"accepted: PSI below {limits.psi:g}, shares that change by less than {percent(limits.share)}; false alarms of "
        f"all features together: {percent(limits.alpha)}"
    )


def measure_line(measure: MeasureVerdict) -> str:
    """Return a measure in one line: ``PSI 0.31, p 0.0002``."""
    value = f"PSI {measure.value:.3g}" if measure.measure == "distribution" else f"{measure.measure} {_change(measure)}"
    return f"{value} (p {measure.p:.2g})"


def main_reason(feature: FeatureDrift) -> str:
    """Return the measures that decide the verdict of a feature."""
    deciding = [measure for measure in feature.measures if measure.verdict == feature.verdict]
    if feature.verdict == "no-data":
        return f"{feature.reference.present:,} and {feature.window.present:,} values"
    if feature.verdict == "ok":
        return ""
    return ", ".join(measure_line(measure) for measure in deciding)


def performance_line(performance: Performance) -> str:
    """Return precision, recall and AUC of a version in one line."""
    area = "no AUC"
    if performance.auc is not None and performance.auc_interval is not None:
        low, high = performance.auc_interval
        area = f"AUC {performance.auc:.3f} ({low:.3f} to {high:.3f})"
    unusable = f", {performance.unusable:,} unusable" if performance.unusable else ""
    return (
        f"precision {_rate(performance.precision)}, recall {_rate(performance.recall)}, {area}; "
        f"{performance.labelled:,} rows have a label, {performance.unlabelled:,} have none yet{unusable}"
    )


def _change(measure: MeasureVerdict) -> str:
    return f"{100 * measure.value:+.3g} points" if measure.measure == "missing" else percent(measure.value)


def _rate(share: Rate) -> str:
    low, high = share.interval
    return f"{rate(share.counts)}, {percent(low)} to {percent(high)}" if share.counts.total else "unknown"


def _lines(report: DriftReport) -> Iterator[str]:
    yield summary(report)
    yield f"  window: {side_line(report.window)}"
    yield f"  reference: {side_line(report.reference)}"
    yield f"  {limits_line(report)}"
    if report.features:
        yield from (f"  {line.rstrip()}" for line in _table(report.sorted[:MOST_FEATURES]))
    left_out = report.features[MOST_FEATURES:]
    if left_out:
        yield f"  and {len(left_out):,} more features, none with a stronger verdict"
    for performance in report.performance:
        yield f"  {performance.version}, {excerpt(performance.output)}: {performance_line(performance)}"
    for note in report.notes:
        yield f"  note: {note}"


def _table(features: tuple[FeatureDrift, ...]) -> list[str]:
    rows = [("feature", "verdict", "PSI", "noise", "missing", "")]
    for feature in features:
        noise = f"{feature.noise:.3f}" if feature.noise is not None else "-"
        psi = f"{feature.psi:.3f}" if feature.psi is not None else "-"
        missing = percent(feature.window.missing / feature.window.rows) if feature.window.rows else "-"
        name = excerpt(feature.name, LONGEST_NAME)
        rows.append((name, feature.verdict, psi, noise, missing, main_reason(feature)))
    return aligned(rows)
