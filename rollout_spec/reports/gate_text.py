"""The report of a gate as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.judgement.numbers import duration, percent
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import TriggerVerdict


def gate_text(report: GateReport) -> str:
    """Return the verdict of the stage, then that of each trigger, strongest first."""
    return "\n".join(_lines(report)) + "\n"


def summary(report: GateReport) -> str:
    """Return the verdict in one line: ``fraud 42 in canary-5: ok``."""
    return f"{report.rollout} {report.candidate} in {report.stage.name}: {report.verdict}"


def judged_time(report: GateReport) -> str:
    """Return the judged time in one line."""
    text, until = f"since {format_time(report.since)}", format_time(report.until)
    if report.stage.warmup_time and report.judged_since >= report.until:
        return f"{text}, at {until} still in its warm-up of {format_duration(report.stage.warmup_time)}"
    warmup = report.judged_since - report.since
    return f"{text}{f', without its first {format_duration(warmup)}' if warmup else ''}, until {until}"


def trigger_line(verdict: TriggerVerdict) -> str:
    """Return the numbers of one trigger in one line."""
    judgement = verdict.judgement
    more = judgement.seconds_more
    time = f"; about {duration(more)} more would decide" if more and verdict.verdict == "inconclusive" else ""
    return f"{judgement.message}{time}"


def interval_line(verdict: TriggerVerdict) -> str:
    """Return the interval of the measured quantity in one line."""
    judgement = verdict.judgement
    assert judgement.interval is not None and judgement.alpha is not None
    kind = verdict.trigger.type
    subject = "its rate" if kind in ("threshold", "latency") else "the difference"
    show = percent if kind != "offline" else _plain
    low, high = map(show, judgement.interval)
    return f"{subject} is between {low} and {high}, with a confidence of {percent(1 - judgement.alpha)}"


def _plain(number: float) -> str:
    return f"{number:.4g}"


def _lines(report: GateReport) -> Iterator[str]:
    yield summary(report)
    yield f"  {report.split}"
    yield f"  {judged_time(report)}"
    for each in report.result.sorted:
        soft = ", soft" if each.trigger.severity == "soft" else ""
        yield f"  {each.trigger.name} ({each.trigger.type}{soft}): {each.verdict}"
        yield f"    {trigger_line(each)}"
        if each.judgement.interval is not None:
            yield f"    {interval_line(each)}"
        if each.verdict == "breach" and each.judgement.breached_after is not None:
            moment = report.judged_since + timedelta(seconds=each.judgement.breached_after)
            yield f"    the breach was shown at {format_time(moment.replace(microsecond=0))}"
        for note in each.judgement.notes:
            yield f"    note: {note}"
    for name, reason in report.result.skipped:
        yield f"  {name}: not judged, {reason}"
    for note in report.notes:
        yield f"  note: {note}"
