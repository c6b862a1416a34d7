"""A gated step: it is taken only if the gate says ok. A breach opens the rollback instead."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.rollback_output import print_response
from rollout_spec.cli.step_output import finish_in_checkout, finish_pull_request
from rollout_spec.cli.workspace import find_anywhere
from rollout_spec.core.errors import OUTSIDE
from rollout_spec.core.units import format_time
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.lifecycle import Request
from rollout_spec.lifecycle.gated import Missing, earliest
from rollout_spec.reports.gate_text import gate_text, summary
from rollout_spec.workflows.gate import GateRequest, judge_checkout
from rollout_spec.workflows.gated_step import missing_in_checkout, prepare_gated, roll_back_from
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.respond import FailedResponse
from rollout_spec.workflows.step_in_checkout import StepOptions, git_root


def run_gated(arguments: argparse.Namespace, request: Request, now: datetime) -> int:
    """Take a step if the gate says ok. Return 1 if it does not, 3 if Prometheus did not answer."""
    options = StepOptions(now, is_commit=arguments.commit, is_dry_run=arguments.dry_run)
    if not arguments.pull_request:
        return _in_checkout(request, place.find(arguments), options)
    here = find_anywhere(arguments)
    gated = prepare_gated(request, here, git_root(here, "--pull-request"), options, terminal.say)
    terminal.say(gate_text(gated.report).rstrip("\n"))
    if gated.step is None:
        return _not_done(gated.report, gated.missing, here, options)
    return finish_pull_request(gated.step)


def _in_checkout(request: Request, here: WorkspaceLocation, options: StepOptions) -> int:
    report = judge_checkout(GateRequest(request.rollout, options.now), here, terminal.say)
    terminal.say(gate_text(report).rstrip("\n"))
    missing = missing_in_checkout(request, here, report)
    if missing:
        return _not_done(report, missing, here, options)
    return finish_in_checkout(request, here, replace(options, gate=report))


def _not_done(report: GateReport, missing: Sequence[Missing], here: WorkspaceLocation, options: StepOptions) -> int:
    """Print the missing conditions, and open the rollback of a breach. Return the exit status."""
    if report.verdict == "breach":
        return _roll_back(report, here, options)
    terminal.say("rollout-spec: the step was not done. It lacks:")
    for each in missing:
        terminal.say(f"  - {each.text}")
    at = earliest(tuple(missing))
    if at is not None:
        terminal.say(f"  try again at {format_time(at)}")
    return OUTSIDE if report.failure is not None else 1


def _roll_back(report: GateReport, here: WorkspaceLocation, options: StepOptions) -> int:
    terminal.say(f"rollout-spec: {summary(report)}, so the step was not done; it is rolled back instead")
    status = 1
    for response in roll_back_from(report, here, is_dry_run=options.is_dry_run):
        if isinstance(response, FailedResponse):
            terminal.say(f"rollout-spec: {response.error.message}")
            status = max(status, response.error.status)
        else:
            print_response(response, dry_run=options.is_dry_run)
            status = max(status, response.status)
    return status
