"""Add a version with its record: model, artifact, digest and pins. A merged record never changes.

rollout-spec record ROLLOUT VERSION --artifact URI --digest sha256:… [--metric auc=0.91] [--requires user-profile=12]
rollout-spec record ROLLOUT VERSION --from FILE    the record as YAML or JSON; - reads stdin; options override it
rollout-spec record ROLLOUT VERSION --from models:/NAME/N    the record of a registry entry; options override it
"""

from __future__ import annotations

import argparse

from rollout_spec.cli import record_options as recorded
from rollout_spec.cli import step_options as step
from rollout_spec.lifecycle import Request


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("version", metavar="VERSION", help="the new version")
    recorded.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    version, record = recorded.version(arguments.version), recorded.record(arguments)
    return step.run(arguments, Request("record", arguments.rollout, version, record=record))
