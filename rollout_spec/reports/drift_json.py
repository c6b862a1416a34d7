"""The report of drift as plain data for JSON."""

from __future__ import annotations

import math
from typing import Any

from rollout_spec.core.drift import FeatureCounts
from rollout_spec.core.units import format_time
from rollout_spec.domain.drift.labelled import Performance, Rate
from rollout_spec.domain.drift.report import DriftReport, FeatureDrift, Side

VERSION = 1


def drift_json(report: DriftReport) -> dict[str, Any]:
    """Return the fields of a report. Times are RFC 3339, shares are of 1."""
    return {
        "version": VERSION,
        "workspace": report.workspace,
        "rollout": report.rollout,
        "candidate": report.version,
        "verdict": report.verdict,
        "at": format_time(report.at),
        "window": _side(report.window),
        "reference": _side(report.reference),
        "limits": {"psi": report.limits.psi, "share": report.limits.share, "alpha": report.limits.alpha},
        "features": [_feature(feature) for feature in report.sorted],
        "performance": [_performance(each) for each in report.performance],
        "notes": list(report.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "version": side.version,
        "since": format_time(side.since) if side.since is not None else None,
        "until": format_time(side.until) if side.until is not None else None,
        "rows": side.rows,
    }


def _feature(feature: FeatureDrift) -> dict[str, Any]:
    return {
        "name": feature.name,
        "verdict": feature.verdict,
        "psi": _number(feature.psi),
        "psiNoise": _number(feature.noise),
        "jensenShannon": _number(feature.jensen_shannon),
        "measures": [
            {
                "measure": measure.measure,
                "verdict": measure.verdict,
                "value": _number(measure.value),
                "limit": measure.limit,
                "p": _number(measure.p),
            }
            for measure in feature.measures
        ],
        "reference": _counts(feature.reference),
        "window": _counts(feature.window),
    }


def _counts(counts: FeatureCounts) -> dict[str, Any]:
    return {
        "rows": counts.rows,
        "missing": counts.missing,
        "bins": list(counts.bins),
        "low": _number(counts.low),
        "high": _number(counts.high),
        "mean": _number(counts.mean),
        "deviation": _number(counts.deviation),
        "below": counts.below,
        "above": counts.above,
        "unknown": counts.unknown,
    }


def _performance(performance: Performance) -> dict[str, Any]:
    return {
        "version": performance.version,
        "output": performance.output,
        "labelled": performance.labelled,
        "unlabelled": performance.unlabelled,
        "unusable": performance.unusable,
        "precision": _rate(performance.precision),
        "recall": _rate(performance.recall),
        "auc": _number(performance.auc),
        "aucInterval": [_number(bound) for bound in performance.auc_interval] if performance.auc_interval else None,
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "events": rate.counts.events,
        "total": rate.counts.total,
        "rate": _number(rate.counts.rate),
        "interval": [_number(bound) for bound in rate.interval],
    }


def _number(value: float | None) -> float | None:
    """Return a number with nine significant digits, None if JSON cannot hold it."""
    return float(f"{value:.9g}") if value is not None and math.isfinite(value) else None
