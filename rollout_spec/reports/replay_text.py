"""The report of a replay as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.core.divergence import Arm
from rollout_spec.core.replay import FAILURES
from rollout_spec.core.text import escape, excerpt
from rollout_spec.domain.divergence.report import Measure, OutputDivergence
from rollout_spec.domain.judgement.numbers import duration
from rollout_spec.domain.replay.observations import MovedRow
from rollout_spec.domain.replay.report import ReplayReport, amount, amount_between, latency_of, measure_text

_MOST_PAIRS = 8
_MOST_MOVED = 5
_MOST_SEGMENTS = 10


def replay_text(report: ReplayReport) -> str:
    """Return the counts of requests, then the divergence of each output. Values start no lines."""
    return "\n".join(map(escape, _lines(report))) + "\n"


def heading(report: ReplayReport) -> str:
    """Return the subject in one line: ``fraud: requests of 42 replayed through 41 (incident fraud-42)``."""
    incident = f" (incident {report.incident})" if report.incident else ""
    return f"{report.rollout}: requests of {report.failed} replayed through {report.restored}{incident}"


def target_line(report: ReplayReport) -> str:
    """Return the server and the load in one line."""
    target = report.target
    kept = f", {target.kept:,} answers kept from earlier runs" if target.kept else ""
    return (
        f"{target.address} ({target.protocol}, model {excerpt(target.model)}): {target.sent:,} requests in "
        f"{duration(target.seconds)} and {target.warmup} to warm up, at most {target.rate:g} per second and "
        f"{target.concurrency} at once{kept}"
    )


def log_line(report: ReplayReport) -> str:
    """Return the records of the logs, by what was done with them, in one line."""
    log = report.log_figures
    parts = [f"{log.records:,} records read, {log.replayed:,} replayed"]
    counts = (
        (log.other_version, "of other versions"),
        (log.without_version, "without a version"),
        (log.other_status, "with another status than 200"),
        (log.without_outputs, "without inputs or outputs"),
        (log.repeated, "with the id of an earlier one"),
        (log.beyond_limit, "beyond the limit"),
        (log.unreadable, "unreadable"),
    )
    return "; ".join([*parts, *(f"{number:,} {what}" for number, what in counts if number)])


def arm_name(report: ReplayReport, arm: Arm) -> str:
    """Return the name of an arm."""
    return f"requests of {report.failed}" if arm == "failed" else f"requests of {report.restored} itself (noise floor)"


def latency_line(report: ReplayReport) -> str | None:
    """Return the logged and the replayed times in one line, None without logged times."""
    latency = latency_of(report.arms["failed"])
    if latency is None:
        return None
    (logged, logged_high), (replayed, replayed_high) = latency.logged, latency.replayed
    ratio = f", {latency.ratio:.3g} times the logged one" if latency.ratio is not None else ""
    return (
        f"median {replayed:.3g} ms{ratio} ({logged:.3g} ms); 95% quantile {replayed_high:.3g} ms, logged "
        f"{logged_high:.3g} ms. Times of two networks cannot be compared: this finds large changes only"
    )


def measure_line(measure: Measure) -> str:
    """Return a measure with its interval, its noise floor, and the excess over that."""
    text = measure_text(measure)
    if measure.excess is not None:
        text += f", beyond it {amount_between(measure.excess, measure.excess_interval, measure)}"
    if measure.limit is not None:
        text += f"; equal versions stay below {amount(measure.limit)}"
    return text


def labels_line(output: OutputDivergence) -> str | None:
    """Return the comparison with the labels in one line, None without labels."""
    labels = output.labelled
    if labels is None:
        return None
    rows = labels.both_right + labels.only_logged_right + labels.only_replayed_right + labels.both_wrong
    chance = f"; equally good versions differ as much with a probability of {output.labels_p:.3g}"
    return (
        f"of {rows:,} rows with a label only the logged answer is right in {labels.only_logged_right:,}, only the "
        f"replayed one in {labels.only_replayed_right:,}{chance if output.labels_p is not None else ''}"
    )


def _lines(report: ReplayReport) -> Iterator[str]:
    yield heading(report)
    yield f"  server: {target_line(report)}"
    for address in report.logs:
        yield f"  log: {excerpt(address, 200)}"
    yield f"  {log_line(report)}"
    for record in report.log_figures.examples:
        yield f"    unreadable: {excerpt(record.file, 200)}:{record.line}: {record.reason}"
    for arm, figures in report.arms.items():
        compared = f"{figures.compared:,} compared ({figures.rows:,} rows), {figures.failed:,} failed"
        yield f"  {arm_name(report, arm)}: {compared}"
        for kind, number in figures.by_kind:
            yield f"    {kind} {number:,}: {FAILURES[kind]}"
            for example in figures.examples[kind]:
                yield f"      {example.request_id}: {example.message}"
    times = latency_line(report)
    if times is not None:
        yield f"  time: {times}"
    for note in report.notes:
        yield f"  note: {note}"
    for output in report.divergence.totals:
        yield from _output(report, output)


def _output(report: ReplayReport, output: OutputDivergence) -> Iterator[str]:
    form = next((each for each in report.forms if output.output in each.columns), None)
    reason = f": {form.reason}" if form else ""
    yield ""
    unusable = f", {output.unusable:,} without a value" if output.unusable else ""
    yield f"{excerpt(output.output)} ({output.kind}{reason})"
    yield f"  {output.rows:,} rows{unusable}; {output.floor_rows:,} rows for the noise floor"
    for measure in output.measures:
        yield f"  {measure_line(measure)}"
    labels = labels_line(output)
    if labels is not None:
        yield f"  {labels}"
    changed = [each for each in output.pairs if each.logged != each.replayed]
    for pair in changed[:_MOST_PAIRS]:
        yield f"  {excerpt(pair.logged or '')} -> {excerpt(pair.replayed or '')}: {pair.rows:,}"
    segments = report.segments_of(output.output)
    for segment in segments[:_MOST_SEGMENTS]:
        if segment.main is not None:
            yield f"  segment {excerpt(segment.segment or '')}: {segment.rows:,} rows, {measure_line(segment.main)}"
    left_out = len(segments[_MOST_SEGMENTS:]) + report.divergence.segments_left_out
    if left_out:
        yield f"  and {left_out:,} more segments"
    moved = [row for row in report.moved if row.output == output.output]
    for row in moved[:_MOST_MOVED]:
        yield f"  moved most: {_moved(row)}"


def _moved(row: MovedRow) -> str:
    segment = f", segment {excerpt(row.segment)}" if row.segment is not None else ""
    return f"{excerpt(row.request_id)} row {row.row}{segment}: {excerpt(row.logged)} -> {excerpt(row.replayed)}"
