"""What came of a breach is told in a few lines: what was done, and which guard decided."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.cli import terminal
from rollout_spec.core.breach import Breach
from rollout_spec.core.findings import Finding, Report
from rollout_spec.rollback import NoAction, NoRollbackTarget, Rollback
from rollout_spec.workflows.pull_requests import DeliveredChange
from rollout_spec.workflows.respond import BreachResponse
from rollout_spec.workspace.repository import Repository


def of_workspace(breaches: Sequence[Breach], repository: Repository) -> tuple[list[Breach], int]:
    """Return the breaches of this workspace, and the least status: 1 if others are of no workspace of this repository.

    The workspace may have been renamed since the rules were rendered that fire now.
    """
    own, ours, least = repository.workspace_name, list[Breach](), 0
    for breach in breaches:
        if breach.workspace in (None, own):
            ours.append(breach)
            continue
        words = f"{breach.rollout} {breach.version}: this breach is of workspace {breach.workspace}, and this is {own}"
        if not repository.others_named(breach.workspace):
            words, least = f"{words}; no workspace of this repository has that name, so the breach is not answered", 1
        terminal.say(words)
    return ours, least


def print_response(outcome: BreachResponse, *, dry_run: bool = False) -> None:
    """Print it: what there is now to stdout, everything else to stderr."""
    decision = outcome.decision
    if isinstance(decision, NoAction):
        terminal.say("; ".join(map(str, outcome.verdict.reasons)))
    elif isinstance(decision, NoRollbackTarget):
        print_no_target(decision)
        _incident(outcome, decision, dry_run=dry_run)
    elif outcome.refused:
        print_refusal(decision, outcome.refused)
    elif outcome.delivered is not None:
        _landed(outcome, outcome.delivered, decision)
    else:
        _shown(outcome, dry_run=dry_run)


def print_no_target(decision: NoRollbackTarget) -> None:
    """Say that nothing can replace what failed, and why each version cannot."""
    terminal.say(
        f"{decision.rollout} {decision.failed} failed, and there is no way back: no known-good version can serve"
    )
    for version, reason in decision.passed_over:
        terminal.say(f"  {version}: {reason}")


def print_refusal(decision: Rollback, findings: Sequence[Finding]) -> None:
    """Say what the way back would bring."""
    who = f"{decision.rollout} {decision.failed}"
    terminal.say(f"{who}: the way back to {decision.restored} would bring what no change may bring:")
    sys.stderr.write(REPORTERS["text"].report(Report(tuple(findings)), View()))


def _incident(outcome: BreachResponse, decision: NoRollbackTarget, *, dry_run: bool) -> None:
    """Say where the incident is."""
    if outcome.change is None:
        print(f"verdict: {outcome.verdict.text}")
        terminal.say(f"incident {decision.incident} says so already, and is open")
        for note in outcome.notes:
            terminal.say(note)
    elif not outcome.pushes or dry_run or outcome.base.remote is None:
        _shown(outcome, dry_run=dry_run)
    elif outcome.delivered is not None:
        pull = outcome.delivered.pull_request
        print(f"{_done(outcome.delivered)} pull request {pull.number}: {pull.url}")
        print(f"incident {decision.incident}: branch {pull.head}, commit {outcome.commit}")
        print(f"verdict: {outcome.verdict.text}")
        for note in outcome.notes:
            terminal.say(note)
        terminal.say(f"{decision.failed} serves on: merge the incident for the record, and promote another version")


def _shown(outcome: BreachResponse, *, dry_run: bool) -> None:
    """Print the commit and the pull request that would have been."""
    change, base = outcome.change, outcome.base
    assert change is not None and outcome.commit is not None
    print(f"commit {outcome.commit}\nbranch {change.branch}\n\n{change.message}")
    print(base.git.diff(base.commit, outcome.commit))
    if change.body:
        print(f"{'draft ' if change.draft else ''}pull request: {change.title}\n\n{change.body}")
    print(f"verdict: {outcome.verdict.text}")
    why = "this is a dry run" if dry_run else "there is no remote" if outcome.pushes else outcome.verdict.words
    terminal.say(f"nothing was pushed: {why}")


def _done(landed: DeliveredChange) -> str:
    word = "superseded" if landed.superseded else "adopted" if landed.adopted else "opened"
    return f"{word} and merged" if landed.merged else word


def _landed(outcome: BreachResponse, landed: DeliveredChange, decision: Rollback | NoRollbackTarget) -> None:
    assert isinstance(decision, Rollback)
    pull = landed.pull_request
    print(f"{_done(landed)} pull request {pull.number}: {pull.url}")
    moves = ", ".join(f"{part.rollout} {part.failed} -> {part.restored}" for part in decision.parts)
    print(f"{moves}, branch {pull.head}, commit {landed.commit}")
    for part in decision.parts:
        for version, why in part.passed_over:
            terminal.say(f"{version} was passed over: {why}")
    for reason in outcome.verdict.reasons if pull.state == "open" else ():
        print(f"a draft for a person: {reason}")
    if not outcome.verdict.reasons:
        print(f"verdict: {outcome.verdict.text}")
    for held in outcome.verdict.held:
        terminal.say(f"an automatic rollback would have been held: {held}")
    for note in outcome.notes:
        terminal.say(note)
