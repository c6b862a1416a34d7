"""`incident resolve`: the resolution is written or opened, and printed."""

from __future__ import annotations

import argparse

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.cli.incident_options import request_of
from rollout_spec.cli.step_output import show_delivered, show_findings, show_patch, show_unpushed, show_written
from rollout_spec.lifecycle.incident_pull_request import message
from rollout_spec.lifecycle.incident_resolution import ResolveRequest
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.resolution_check import CheckedResolution, ResolveOptions
from rollout_spec.workflows.resolve_in_checkout import resolve_in_checkout
from rollout_spec.workflows.step_in_checkout import git_root


def run_resolve(arguments: argparse.Namespace) -> int:
    """Resolve the incident; return 1 if that would introduce errors."""
    request = request_of(arguments)
    now = clock().replace(microsecond=0)
    options = ResolveOptions(now, is_commit=arguments.commit, is_dry_run=arguments.dry_run)
    if arguments.pull_request:
        return _in_pull_request(request, place.find_anywhere(arguments), options)
    return _in_checkout(request, place.find(arguments), options)


def _in_checkout(request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions) -> int:
    done = resolve_in_checkout(request, here, options, terminal.say)
    if done.checked.is_refused:
        return _refuse(done.checked)
    resolved = done.checked.done
    print(terminal.harmless(f"{resolved.subject}: {resolved.effect}"))
    if options.is_dry_run:
        if options.is_commit:
            print(terminal.harmless(message(resolved)))
        show_patch(resolved.edits, done.before)
        return 0
    if done.commit is not None:
        print(f"commit {done.commit}")
    show_written(resolved.edits)
    if done.commit is None:
        terminal.say("commit it, and merge it: the quarantine follows the merged incident")
    return 0


def _in_pull_request(request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions) -> int:
    from rollout_spec.workflows.resolve_in_pull_request import resolve_in_pull_request

    prepared = resolve_in_pull_request(request, here, git_root(here, "--pull-request"), options)
    if prepared.checked.is_refused:
        return _refuse(prepared.checked)
    resolved = prepared.checked.done
    print(terminal.harmless(f"{resolved.subject}: {resolved.effect}"))
    if prepared.forge is None:
        show_unpushed(prepared.change, *prepared.build(), is_dry_run=options.is_dry_run)
        return 0
    show_delivered(prepared.open(prepared.forge), resolved.subject)
    return 0


def _refuse(checked: CheckedResolution) -> int:
    why = checked.why or "it would leave these errors"
    name, verdict = checked.done.name, checked.done.spec.verdict
    terminal.say(f"rollout-spec: {name} was not resolved as {verdict}: {why}{':' if checked.refused else ''}")
    show_findings(checked.refused)
    return 1
