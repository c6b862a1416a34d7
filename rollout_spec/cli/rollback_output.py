"""Output of responses to breaches: actions on stdout, other lines on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.cli import terminal
from rollout_spec.core.findings import Finding, Report
from rollout_spec.rollback import NoAction, NoRollbackTarget, Rollback
from rollout_spec.workflows.breach_workspaces import ForeignBreach
from rollout_spec.workflows.pull_requests import DeliveredChange
from rollout_spec.workflows.respond import BreachResponse


def print_foreign(foreign: Sequence[ForeignBreach]) -> None:
    """Print the breaches of other workspaces, which get no response here."""
    for each in foreign:
        breach = each.breach
        message = f"{breach.subject}: this breach is of the workspace {breach.workspace}"
        message += f", not of {each.own}"
        if not each.is_known:
            message += "; no workspace of this repository has that name, so the breach gets no response"
        terminal.say(message)


def print_response(response: BreachResponse, *, dry_run: bool = False) -> None:
    """Print a response: new objects to stdout, everything else to stderr."""
    decision = response.decision
    if isinstance(decision, NoAction):
        terminal.say("; ".join(map(str, response.verdict.reasons)))
    elif isinstance(decision, NoRollbackTarget):
        print_no_target(decision)
        _print_incident(response, decision, dry_run=dry_run)
    elif response.refused:
        print_refusal(decision, response.refused)
    elif response.delivered is not None:
        _print_delivered(response, response.delivered, decision)
    else:
        _print_undelivered(response, dry_run=dry_run)


def print_no_target(decision: NoRollbackTarget) -> None:
    """Print that there is no rollback target, with the reason for each version."""
    terminal.say(
        f"{decision.rollout} {decision.failed} failed and has no rollback target: no known-good version can serve"
    )
    for version, reason in decision.skipped:
        terminal.say(f"  {version}: {reason}")


def print_refusal(decision: Rollback, findings: Sequence[Finding]) -> None:
    """Print the errors that a rollback would introduce."""
    rollback = f"{decision.rollout} {decision.failed}: rollback to {decision.restored}"
    terminal.say(f"{rollback} refused: it would introduce these errors:")
    sys.stderr.write(REPORTERS["text"].report(Report(tuple(findings)), View()))


def _print_incident(response: BreachResponse, decision: NoRollbackTarget, *, dry_run: bool) -> None:
    """Print the incident of a failure without rollback target."""
    if response.change is None:
        _print(f"verdict: {response.verdict.text}")
        terminal.say(f"incident {decision.incident} is already open")
        for note in response.notes:
            terminal.say(note)
    elif not response.pushes or dry_run or response.base.remote is None:
        _print_undelivered(response, dry_run=dry_run)
    elif response.delivered is not None:
        pull = response.delivered.pull_request
        print(f"{_done(response.delivered)} pull request {pull.number}: {pull.url}")
        print(f"incident {decision.incident}: branch {pull.head}, commit {response.commit}")
        _print(f"verdict: {response.verdict.text}")
        for note in response.notes:
            terminal.say(note)
        terminal.say(f"{decision.failed} stays served: merge the incident for the record, and promote another version")


def _print_undelivered(response: BreachResponse, *, dry_run: bool) -> None:
    """Print the commit and the pull request of a dry run."""
    change, base = response.change, response.base
    assert change is not None and response.commit is not None
    _print(f"commit {response.commit}\nbranch {change.branch}\n\n{change.message}")
    print(base.git.diff(base.commit, response.commit))
    if change.body:
        _print(f"{'draft ' if change.draft else ''}pull request: {change.title}\n\n{change.body}")
    _print(f"verdict: {response.verdict.text}")
    why = "this is a dry run" if dry_run else "there is no remote" if response.pushes else response.verdict.summary
    terminal.say(f"nothing was pushed: {why}")


def _print(text: str) -> None:
    """Print texts of monitors and of anybody who may push."""
    print(terminal.harmless(text))


def _done(delivered: DeliveredChange) -> str:
    word = "superseded" if delivered.superseded else "adopted" if delivered.adopted else "opened"
    return f"{word} and merged" if delivered.merged else word


def _print_delivered(
    response: BreachResponse, delivered: DeliveredChange, decision: Rollback | NoRollbackTarget
) -> None:
    assert isinstance(decision, Rollback)
    pull = delivered.pull_request
    print(f"{_done(delivered)} pull request {pull.number}: {pull.url}")
    moves = ", ".join(f"{part.rollout} {part.failed} -> {part.restored}" for part in decision.parts)
    print(f"{moves}, branch {pull.head}, commit {delivered.commit}")
    for part in decision.parts:
        for version, why in part.skipped:
            terminal.say(f"{version} was skipped: {why}")
    for reason in response.verdict.reasons if pull.state == "open" else ():
        _print(f"a draft for a person: {reason}")
    if not response.verdict.reasons:
        _print(f"verdict: {response.verdict.text}")
    for held in response.verdict.held:
        terminal.say(f"an automatic rollback would have been held: {held}")
    for note in response.notes:
        terminal.say(note)
