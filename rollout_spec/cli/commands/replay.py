"""Replay logged requests of a failed version through the restored one, and compare the answers.

The restored version's own logged requests are replayed too, as the noise floor. Use a server in staging: each request
is load. Ctrl-C keeps the answers, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import replay_options as options
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import escape
from rollout_spec.domain.replay.report import ReplayReport, summary_line
from rollout_spec.integrations.engines import ENGINES
from rollout_spec.integrations.inference_logs import FORMATS as LOG_FORMATS
from rollout_spec.integrations.inference_logs import LogOptions
from rollout_spec.integrations.model_servers import PROTOCOLS
from rollout_spec.reports.replay_html import replay_html
from rollout_spec.reports.replay_json import replay_json
from rollout_spec.reports.replay_text import replay_text
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.replay import ReplayRequest, replay
from rollout_spec.workflows.replay.evidence import write_evidence
from rollout_spec.workflows.replay.selection import Logs
from rollout_spec.workspace import files

FORMATS = {
    "text": replay_text,
    "json": lambda report: json_text(replay_json(report)),
    "html": replay_html,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollout", metavar="ROLLOUT", help="the name of the rollout")
    parser.add_argument("--log", metavar="ADDRESS", action="append", required=True, help="an inference log; repeatable")
    parser.add_argument(
        "--log-format",
        choices=LOG_FORMATS,
        metavar="NAME",
        help=f"the format of the logs: {', '.join(LOG_FORMATS)} (default: recognised)",
    )
    options.configure_logs(parser)
    parser.add_argument("--against", metavar="URL", required=True, help="the server of the restored version")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="v2", help="its protocol (default: v2)")
    parser.add_argument("--model", metavar="NAME", help="the name of the model there (default: ROLLOUT)")
    parser.add_argument("--model-version", metavar="V", help="its version there (default: the server chooses)")
    parser.add_argument("--failed", metavar="V", help="the failed version (default: that of the incident)")
    parser.add_argument("--restored", metavar="V", help="the restored version (default: that of the incident)")
    parser.add_argument("--incident", metavar="ID", help="take the versions from it, and write the result into it")
    options.configure(parser)
    parser.add_argument("--engine", choices=ENGINES, default="duckdb", help="computes the report (default: duckdb)")
    parser.add_argument("--format", choices=FORMATS, default="text", help="the format (default: text)")
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE")
    parser.add_argument("--pairs", metavar="FILE", help="keep the table of all pairs of answers, as Parquet")
    parser.add_argument("--show-inputs", action="store_true", help="show the inputs of the requests that moved most")


def run(arguments: argparse.Namespace) -> int:
    """Replay and print the report. Return 1 if no request could be compared."""
    gc.enable()  # the process turns it off for short commands; a replay may take hours
    here = place.find(arguments)
    output, pairs, journal = (
        _file(here.start, name) for name in (arguments.output, arguments.pairs, arguments.journal)
    )
    report = replay(
        ReplayRequest(
            rollout=arguments.rollout,
            logs=_logs(here.start, arguments),
            server=options.server_of(arguments),
            failed=arguments.failed,
            restored=arguments.restored,
            incident=arguments.incident,
            limit=arguments.limit,
            kinds=dict(arguments.output_kind),
            journal=journal,
            pairs=pairs,
            engine=arguments.engine,
            show_inputs=arguments.show_inputs,
        ),
        here,
        terminal.say,
        options.progress(),
    )
    _print(output, FORMATS[arguments.format](report))
    if arguments.incident is not None and report.is_compared:
        _fill_evidence(report, arguments.incident, here)
    return 0 if report.is_compared else 1


def _logs(start: Path, arguments: argparse.Namespace) -> Logs:
    labels = place.address_from(start, arguments.labels) if arguments.labels is not None else None
    facts = LogOptions(endpoints=dict(arguments.endpoint), segment_key=arguments.segment_key, labels=labels)
    return Logs(tuple(place.address_from(start, each) for each in arguments.log), arguments.log_format, facts)


def _file(start: Path, name: str | None) -> Path | None:
    """Return the path of a file to write. UserError if it cannot lie there, before any request is sent."""
    if name is None:
        return None
    path = start / name
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"{path} cannot be written", hint="name a file in a folder that exists")
    return path


def _print(path: Path | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    files.write(path.parent, path.name, text.encode())
    terminal.say(f"wrote {path}")


def _fill_evidence(report: ReplayReport, incident: str, here: WorkspaceLocation) -> None:
    path = write_evidence(incident, escape(summary_line(report)), here, terminal.say)
    command = f"rollout-spec incident resolve {incident} --reproduced ENV=URL"
    terminal.say(f"wrote the result into {path}: commit it, and link the report when you resolve it: `{command} …`")
