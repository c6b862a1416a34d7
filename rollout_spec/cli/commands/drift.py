"""Compare the inputs and scores of a recent window with a reference.

The verdict is breach, ok, inconclusive or no-data. The window is of the candidate, or of stable if there is none. The
reference is stable's part of the log before the window, another period of it, or a training sample. The exit status is
0 only if the verdict is ok, and 3 if the store of the log failed.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from datetime import timedelta

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock, time_of
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import escape, excerpt
from rollout_spec.core.units import duration_hint, parse_duration
from rollout_spec.domain.drift.features import Limits
from rollout_spec.integrations.engines import ENGINES, MEMORY
from rollout_spec.reports.drift_json import drift_json
from rollout_spec.reports.drift_markdown import drift_markdown
from rollout_spec.reports.drift_openmetrics import drift_openmetrics
from rollout_spec.reports.drift_text import drift_text
from rollout_spec.workflows.drift import DriftRequest, Period, last, measure_drift
from rollout_spec.workspace import files

FORMATS = {
    "text": lambda report: escape(drift_text(report), keep="\n"),
    "json": lambda report: json_text(drift_json(report)),
    "markdown": lambda report: drift_markdown(report) + "\n",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("rollout", metavar="ROLLOUT", help="the name of the rollout")
    add(
        "--log", metavar="ADDRESS", action="append", default=[], help="an inference log (default: service.inferenceLog)"
    )
    add("--log-format", metavar="NAME", help="the format of the logs (default: that of the first record)")
    add("--version", dest="judged", metavar="VERSION", help="the judged version (default: the candidate, or stable)")
    add("--window", default="24h", metavar="24h|START/END", help="the judged time (default: 24h)")
    add("--reference", metavar="ADDRESS", help="a training sample: CSV or Parquet")
    add("--reference-period", metavar="START/END", help="a time of stable (default: all before the window)")
    add("--labels", metavar="FILE", help="what turned out to be true: CSV or Parquet with request_id and label")
    add("--score", metavar="NAME", help="the output that labels are compared with")
    add("--threshold", type=_share, default=0.5, metavar="0.5", help="the score from which an answer is positive")
    add("--limit", type=_share, default=0.1, metavar="0.1", help="the accepted PSI of a distribution (default: 0.1)")
    add("--share-limit", type=_share, default=0.05, metavar="0.05", help="the accepted change of a share of values")
    add("--alpha", type=_share, default=0.05, metavar="0.05", help="the false alarms of all features together")
    add("--engine", choices=ENGINES, default="duckdb", help="the engine of the queries (default: duckdb)")
    add("--memory", type=_memory, default=MEMORY, metavar="1GB", help="the memory of DuckDB (default: 1GB)")
    add("--openmetrics", metavar="FILE", help="also write series for Prometheus")
    add("--format", choices=FORMATS, default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Compare, and print the report. Return 1 unless the verdict is ok."""
    here, now = place.find(arguments), clock().replace(microsecond=0)
    if arguments.reference is not None and arguments.reference_period is not None:
        raise UserError("--reference and --reference-period exclude each other", hint="name one of both")
    if "/" not in arguments.window:
        window = last(_duration(arguments.window), now)
    else:
        window = _period("--window", arguments.window)
    period = arguments.reference_period
    request = DriftRequest(
        rollout=arguments.rollout,
        now=now,
        window=window,
        logs=tuple(place.address_from(here.start, log) for log in arguments.log),
        log_format=arguments.log_format,
        version=arguments.judged,
        reference=place.address_from(here.start, arguments.reference) if arguments.reference is not None else None,
        reference_period=_period("--reference-period", period) if period is not None else None,
        labels=place.address_from(here.start, arguments.labels) if arguments.labels is not None else None,
        score=arguments.score,
        threshold=arguments.threshold,
        engine=arguments.engine,
        memory=arguments.memory,
        limits=Limits(arguments.limit, arguments.share_limit, arguments.alpha),
    )
    report = measure_drift(request, here, terminal.say)
    if arguments.openmetrics is not None:
        path = here.start / arguments.openmetrics
        files.write(path.parent, path.name, drift_openmetrics(report).encode())
    sys.stdout.write(FORMATS[arguments.format](report))
    return 0 if report.verdict == "ok" else 1


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("expected a number between 0 and 1, such as 0.05")
    return value


def _memory(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}[MG]i?B", text):
        raise argparse.ArgumentTypeError("expected a number with its unit, such as 512MB or 4GB")
    return text


def _period(option: str, text: str) -> Period:
    since, _, until = (time_text.strip() for time_text in text.partition("/"))
    start, end = time_of(option, since), time_of(option, until)
    if start >= end:
        raise UserError(f"{option}: the start {excerpt(since)} is not before the end {excerpt(until)}")
    return start, end


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        hint = duration_hint(text) or "write a duration such as `24h`, or START/END as two times"
        raise UserError(f"--window: {error}; got `{excerpt(text)}`", hint=hint) from None
