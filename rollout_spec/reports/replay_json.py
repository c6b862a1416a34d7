"""The report of a replay as plain data for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rollout_spec.domain.divergence.report import CONFIDENCE, Measure, OutputDivergence
from rollout_spec.domain.replay.observations import ArmFigures, MovedRow
from rollout_spec.domain.replay.report import ReplayReport, latency_of

VERSION = 1


def replay_json(report: ReplayReport) -> dict[str, Any]:
    """Return the fields of a report.

    Shares are of 1, times are milliseconds. ``outputs`` first has all rows of each output, then those by segment.
    """
    figures = report.log_figures
    log = {**vars(figures), "models": dict(figures.models), "examples": [asdict(each) for each in figures.examples]}
    return {
        "version": VERSION,
        "workspace": report.workspace,
        "rollout": report.rollout,
        "failed": report.failed,
        "restored": report.restored,
        "incident": report.incident,
        "server": {_camel(name): value for name, value in asdict(report.target).items()},
        "logs": list(report.logs),
        "limit": report.limit,
        "records": {_camel(name): value for name, value in log.items()},
        "arms": {arm: _arm(figures) for arm, figures in report.arms.items()},
        "kinds": {
            name: {"kind": kind, "why": each.reason} for each in report.forms for name, kind in each.columns.items()
        },
        "confidence": CONFIDENCE,
        "outputs": [_output(each) for each in report.divergence.outputs],
        "segmentsLeftOut": report.divergence.segments_left_out,
        "differences": [
            {"output": each.output, "edges": list(map(_number, each.edges)), "failed": each.failed, "floor": each.floor}
            for each in report.histograms
        ],
        "moved": [_moved(each, report) for each in report.moved],
        "notes": list(report.notes),
    }


def _arm(figures: ArmFigures) -> dict[str, Any]:
    latency = latency_of(figures)
    return {
        "requests": figures.requests,
        "compared": figures.compared,
        "rows": figures.rows,
        "failures": {
            kind: {"requests": number, "examples": [asdict(each) for each in figures.examples[kind]]}
            for kind, number in figures.by_kind
        },
        "latency": None
        if latency is None
        else {
            "requests": latency.requests,
            "logged": {"median": _number(latency.logged[0]), "p95": _number(latency.logged[1])},
            "replayed": {"median": _number(latency.replayed[0]), "p95": _number(latency.replayed[1])},
            "ratio": _number(latency.ratio),
        },
    }


def _output(output: OutputDivergence) -> dict[str, Any]:
    return {
        "output": output.output,
        "kind": output.kind,
        "segment": output.segment,
        "rows": output.rows,
        "floorRows": output.floor_rows,
        "unusable": output.unusable,
        "measures": [_measure(each) for each in output.measures],
        "classes": [asdict(pair) for pair in output.pairs],
        "otherClasses": output.other_pairs,
        "labels": asdict(output.labelled) | {"p": _number(output.labels_p)} if output.labelled else None,
        "loggedBins": output.logged_bins,
        "replayedBins": output.replayed_bins,
    }


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "value": _number(measure.value),
        "interval": _interval(measure.interval),
        "floor": _number(measure.floor),
        "excess": _number(measure.excess),
        "excessInterval": _interval(measure.excess_interval),
        "limit": _number(measure.limit),
        "isShare": measure.is_share,
        "isMain": measure.is_main,
    }


def _moved(row: MovedRow, report: ReplayReport) -> dict[str, Any]:
    fields = {
        "output": row.output,
        "requestId": row.request_id,
        "row": row.row,
        "segment": row.segment,
        "logged": row.logged,
        "replayed": row.replayed,
        "distance": _number(row.distance),
    }
    return fields | ({"inputs": report.inputs[row.request_id]} if row.request_id in report.inputs else {})


def _interval(interval: tuple[float, float] | None) -> list[float | None] | None:
    return None if interval is None else [_number(bound) for bound in interval]


def _number(value: float | None) -> float | None:
    """Return a number with nine significant digits, None if JSON cannot hold it."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.9g}")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
