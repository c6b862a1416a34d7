"""Judge the live stage of a rollout from Prometheus: breach, ok, inconclusive, no-data or invalid.

The counts of both versions are read since the stage began, without its warm-up. The rollout and the workspace are
those of the checkout. The exit status is 0 only if the verdict is ok, and 3 if Prometheus did not answer.
"""

from __future__ import annotations

import argparse
import sys

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock, time_of
from rollout_spec.core.errors import OUTSIDE
from rollout_spec.core.text import escape
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.reports.gate_chart import gate_chart
from rollout_spec.reports.gate_json import gate_json
from rollout_spec.reports.gate_markdown import gate_markdown
from rollout_spec.reports.gate_text import gate_text
from rollout_spec.workflows.gate import GateRequest, judge_checkout

FORMATS = {
    "text": lambda report: escape(gate_text(report), keep="\n"),
    "json": lambda report: json_text(gate_json(report)),
    "markdown": lambda report: gate_markdown(report) + "\n",
    "svg": gate_chart,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollout", metavar="ROLLOUT", help="the name of the rollout")
    parser.add_argument(
        "--since", metavar="TIME", help="count from this time on (RFC 3339), not from the start of the stage"
    )
    parser.add_argument("--holdout", metavar="FILE", help="predictions of both models for one holdout: CSV or Parquet")
    parser.add_argument("--format", choices=FORMATS, default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Judge the stage and print the report. Return 1 unless the verdict is ok."""
    here, now = place.find(arguments), clock().replace(microsecond=0)
    holdout = here.start / arguments.holdout if arguments.holdout is not None else None
    since = time_of("--since", arguments.since) if arguments.since is not None else None
    request = GateRequest(arguments.rollout, now, since, holdout)
    report = judge_checkout(request, here, terminal.say)
    sys.stdout.write(FORMATS[arguments.format](report))
    return status_of(report)


def status_of(report: GateReport) -> int:
    """Return the exit status of a report."""
    if report.verdict == "ok":
        return 0
    return OUTSIDE if report.failure is not None and report.verdict != "breach" else 1
