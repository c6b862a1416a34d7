"""The report of a gate as plain data for JSON."""

from __future__ import annotations

import math
from typing import Any

from rollout_spec.core.units import format_time
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import TriggerVerdict
from rollout_spec.domain.statistics.counts import Counts

VERSION = 1


def gate_json(report: GateReport) -> dict[str, Any]:
    """Return the fields of a report.

    Times are RFC 3339, rates are shares of 1, durations are seconds. ``evidence`` has triples: seconds since
    ``judgedSince``, the evidence of a breach and that of ok, each in shares of the evidence that decides.
    """
    return {
        "version": VERSION,
        "workspace": report.workspace,
        "rollout": report.rollout,
        "stable": report.stable,
        "candidate": report.candidate,
        "stage": report.stage.name,
        "verdict": report.verdict,
        "since": format_time(report.since),
        "judgedSince": format_time(report.judged_since),
        "until": format_time(report.until),
        "commit": report.entered,
        "triggers": [_trigger(each) for each in report.result.triggers],
        "skipped": [{"name": name, "why": why} for name, why in report.result.skipped],
        "notes": list(report.notes),
    }


def _trigger(verdict: TriggerVerdict) -> dict[str, Any]:
    trigger, judgement = verdict.trigger, verdict.judgement
    return {
        "name": trigger.name,
        "type": trigger.type,
        "severity": trigger.severity,
        "verdict": verdict.verdict,
        "message": judgement.message,
        "method": judgement.method or None,
        "alpha": judgement.alpha,
        "stable": _counts(judgement.stable),
        "candidate": _counts(judgement.candidate),
        "interval": [_number(bound) for bound in judgement.interval] if judgement.interval else None,
        "secondsMore": _number(judgement.seconds_more),
        "breachedAfter": _number(judgement.breached_after),
        "notes": list(judgement.notes),
        "evidence": [[_number(point.seconds), _number(point.breach), _number(point.ok)] for point in judgement.points],
    }


def _counts(counts: Counts | None) -> dict[str, Any] | None:
    if counts is None:
        return None
    rate = counts.events / counts.total if counts.total else None
    return {"events": _number(counts.events), "total": _number(counts.total), "rate": _number(rate)}


def _number(value: float | None) -> float | int | None:
    """Return a number that JSON can hold: whole ones as integers, others with six significant digits."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(f"{value:.6g}")
