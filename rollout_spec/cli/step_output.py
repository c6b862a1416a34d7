"""Lifecycle steps, written or opened, and printed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.checks.reporters.base import message_with_hint
from rollout_spec.cli import terminal
from rollout_spec.core.diff import patch
from rollout_spec.core.findings import Finding, Report
from rollout_spec.lifecycle import Request
from rollout_spec.lifecycle.options import option_of
from rollout_spec.lifecycle.pull_request import approvals, subject, traffic_change, trailers
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.step_in_checkout import StepOptions, step_in_checkout

if TYPE_CHECKING:
    from rollout_spec.core.pull_request import ProposedChange
    from rollout_spec.workflows.pull_requests import DeliveredChange
    from rollout_spec.workflows.step import PreparedStep
    from rollout_spec.workflows.step_in_pull_request import StepInPullRequest


def finish_in_checkout(request: Request, here: WorkspaceLocation, options: StepOptions) -> int:
    """Take a step in the checkout and print it. Return 1 if it is refused."""
    done = step_in_checkout(request, here, options, terminal.say)
    if done.prepared.is_refused:
        return _refuse(done.prepared)
    _tell(done.prepared, options.forced, is_written=not options.is_dry_run)
    edits = done.prepared.result.edits
    if options.is_dry_run:
        if options.is_commit:
            print(terminal.harmless(done.message))
        show_patch(edits, done.before)
        return 0
    if done.commit is not None:
        print(f"commit {done.commit}")
    else:
        terminal.say("commit it with these lines at the end of its message (--commit does):")
        text = options.text(done.prepared.held)
        terminal.say("\n".join(f"  {line}" for line in trailers(done.prepared.result, text)))
    show_written(edits)
    return 0


def finish_pull_request(step: StepInPullRequest) -> int:
    """Open the pull request of a prepared step and print it. Return 1 if the step is refused."""
    if step.prepared.is_refused:
        return _refuse(step.prepared)
    _tell(step.prepared, step.options.forced, is_written=False)
    if step.forge is None:
        show_unpushed(step.change, *step.build(), is_dry_run=step.options.is_dry_run)
        return 0
    show_delivered(step.open(step.forge), subject(step.prepared.result))
    return 0


def show_unpushed(change: ProposedChange, commit: str, diff: str, *, is_dry_run: bool) -> None:
    """Print a change that is not pushed, and the reason."""
    print(f"commit {commit}\nbranch {change.branch}\n\n{terminal.harmless(change.message)}\n{diff}")
    body = terminal.harmless(change.body)
    print(f"{'draft ' if change.draft else ''}pull request: {change.title}\n\n{body}")
    why = "this is a dry run" if is_dry_run else "the workspace's `automation.mode` is dry-run"
    terminal.say(f"nothing was pushed: {why}")


def show_delivered(delivered: DeliveredChange, title: str) -> None:
    """Print the pull request of a change."""
    pull, verb = delivered.pull_request, "adopted" if delivered.adopted else "opened"
    print(f"{verb} {'draft ' if pull.draft else ''}pull request {pull.number}: {pull.url}")
    print(f"{title}, branch {pull.head}, commit {delivered.commit}")
    for note in delivered.notes:
        terminal.say(note)


def show_written(edits: Mapping[str, bytes | None]) -> None:
    """Print the files that were written or removed."""
    for path, content in edits.items():
        terminal.say(f"{'removed' if content is None else 'wrote'} {path}")


def show_patch(edits: Mapping[str, bytes | None], before: Mapping[str, bytes | None]) -> None:
    """Print the changes of a dry run."""
    sys.stdout.write("".join(patch(path, before[path], content) for path, content in edits.items()))
    terminal.say("nothing was written: this is a dry run")


def _tell(prepared: PreparedStep, forced: str | None, *, is_written: bool = True) -> None:
    """Print the change, the hold of the stage, required approvals, unserved pins, and new warnings.

    ``is_written``: the files are in the working tree.
    """
    result, hold = prepared.result, prepared.held
    print(f"{subject(result)}: {traffic_change(result)}")
    if hold is not None:
        terminal.say(hold.message)
        if hold.refusal is not None and forced is not None:
            terminal.say(f"forced: {forced}")
    if forced is not None and (hold is None or hold.refusal is None):
        terminal.say("--force was not needed and is not recorded")
    for approval in approvals(result):
        terminal.say(f"{approval}, by merging this")
    for pin in prepared.awaited:
        if not pin.is_unread:  # its component has an error of its own
            place = f"`serving` in components/{pin.component}.yaml"
            terminal.say(f"{pin.message} yet: add it to {place} before {result.version} receives traffic")
    show_findings(prepared.check.warned, None if is_written else prepared)


def _refuse(prepared: PreparedStep) -> int:
    check = prepared.check
    why = check.why or "it would introduce these errors"
    terminal.say(f"rollout-spec: {subject(prepared.result)} was not done: {why}{':' if check.refused else ''}")
    show_findings(check.refused, prepared)
    return 1


def show_findings(findings: tuple[Finding, ...], unwritten_step: PreparedStep | None = None) -> None:
    """Print findings to stderr.

    Those of a new file that was not written name its fields, because it has no lines.
    """
    step = unwritten_step.result if unwritten_step is not None else None
    if step is not None and step.before is None:
        for each in findings:
            terminal.say(unwritten(each, step.path))
    else:
        sys.stderr.write(REPORTERS["text"].report(Report(findings), View()))


def unwritten(finding: Finding, path: str) -> str:
    """Return the line of a finding.

    One about an unwritten file names the option or field in place of the line.
    """
    if finding.file != path and not finding.file.endswith(f"/{path}"):
        return REPORTERS["text"].report(Report((finding,)), View()).rstrip("\n")
    return f"{option_of(finding.path)}: {finding.severity}: {message_with_hint(finding)} [{finding.name}]"
