"""Create a rollout with one stable version: its file and its manifests. It has no rollback target yet.

Defaults come from another rollout with --like, else from a small plan: three stages, triggers on errors and latency,
and the targets that the rollouts here share. The files are written only if they pass `rollout-spec check`. If options
are missing for that, all of them are named at once.

rollout-spec bootstrap churn  names all options that churn needs
rollout-spec bootstrap churn --like fraud --version 1 --artifact s3://models/churn/1/
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from rollout_spec.cli import record_options as recorded
from rollout_spec.cli import step_options as step
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.bootstrap_gaps import report_gaps
from rollout_spec.cli.clock import clock
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import NAME, NAME_HINT
from rollout_spec.core.yaml.document import parse
from rollout_spec.core.yaml.scalars import resolve
from rollout_spec.domain.metrics.profiles import DEFAULT_PROFILE, PROFILES
from rollout_spec.lifecycle import Request
from rollout_spec.lifecycle.default_targets import default_profile
from rollout_spec.workflows.bootstrap import copied_mentions, find_gaps
from rollout_spec.workflows.newest import local_workspace

_TEXTS = {
    "host": "the host name for callers (default: ROLLOUT.NAMESPACE.svc.cluster.local)",
    "namespace": "the Kubernetes namespace of the manifests",
    "owner": "the responsible team",
    "tier": "critical, standard or experimental",
    "description": "a description",
    "runbook": "the runbook for the person on call",
}
_SERVICE = {
    "metrics": ("--profile", "a metric profile, such as istio"),
    "inferenceLog": ("--inference-log", "the storage of requests and answers"),
}
_NUMBERS = {
    "port": ("--port", "the port of the versions' Services"),
    "requestsPerSecond": ("--requests-per-second", "the expected load"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    step.configure(parser)
    parser.add_argument("--version", metavar="V", help="the first version")
    parser.add_argument(
        "--like",
        metavar="ROLLOUT",
        help="a rollout here to copy from: namespace, owner, tier, stages, triggers, targets, rollback settings",
    )
    parser.add_argument(
        "--target", action="append", default=[], metavar="T", help="a target, or `{type: …, option: …}`; repeat it"
    )
    parser.add_argument("--reviewer", action="append", default=[], metavar="R", help="a reviewer; repeat it")
    for name, text in _TEXTS.items():
        parser.add_argument(f"--{name}", metavar="TEXT", help=text)
    for name, (option, text) in (_SERVICE | _NUMBERS).items():
        parser.add_argument(option, dest=f"service_{name}", metavar="N" if name in _NUMBERS else "TEXT", help=text)
    recorded.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Apply the step."""
    if not re.fullmatch(NAME, arguments.rollout):
        raise UserError(f"`{excerpt(arguments.rollout)}` is not a valid name", hint=NAME_HINT)
    version = recorded.version(arguments.version) if arguments.version is not None else None
    record = recorded.record(arguments, may_be_empty=True)
    settings: dict[str, Any] = {name: getattr(arguments, name) for name in (*_TEXTS, "like")}
    settings |= {name: getattr(arguments, f"service_{name}") for name in _SERVICE}
    settings |= {name: _number(option, getattr(arguments, f"service_{name}")) for name, (option, _) in _NUMBERS.items()}
    settings |= {"targets": [_target(text) for text in arguments.target], "reviewers": arguments.reviewer}
    request = Request("bootstrap", arguments.rollout, version, record=record, settings=settings)
    repository = local_workspace(place.find_anywhere(arguments))
    gaps = find_gaps(request, repository, clock())
    if gaps.missing or gaps.errors:
        return report_gaps(arguments, gaps)
    for name in copied_mentions(request, repository):
        terminal.say(f"{name} is copied from {arguments.like}, and names it: make sure that it fits")
    status = step.run(arguments, request)
    if status == 0 and not arguments.dry_run:
        name = arguments.rollout
        if settings["metrics"] is None and settings["like"] is None and default_profile(repository) is None:
            counter = PROFILES[DEFAULT_PROFILE].requests
            terminal.say(f"its triggers read `{counter}` of your server; --profile {_others()} reads a proxy instead")
        terminal.say(f"next: merge it. Then `record {name} VERSION …` adds a version, and `propose` starts its rollout")
    return status


def _others() -> str:
    return ", ".join(name for name in PROFILES if name != DEFAULT_PROFILE)


def _number(option: str, text: str | None) -> Any:
    try:
        value = resolve(text) if text is not None else None
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None
    if isinstance(value, str | bool):
        raise UserError(f"{option}: `{excerpt(value) if isinstance(value, str) else text}` is not a number")
    return value


def _target(text: str) -> dict[str, Any]:
    """Parse the name of a target, or a target with options as in a spec."""
    data = parse(text.encode("utf-8", "replace")).data
    if isinstance(data, str):
        return {"type": data}
    if not isinstance(data, dict) or "type" not in data:
        raise UserError(
            f"--target: `{excerpt(text)}` is not a target",
            hint="write `kserve`, or `{type: gateway-api, gateway: {name: edge}}`",
        )
    return data
