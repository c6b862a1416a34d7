"""Open pull requests of rollbacks, followed until they are merged or closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from rollout_spec.core.pull_request import PullRequest
from rollout_spec.core.units import format_time
from rollout_spec.integrations.forges import Forge
from rollout_spec.service.answers import Answer
from rollout_spec.service.records import BEGUN, StoredBreach
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_names import branch_names

LONGEST_SECONDS = 7 * 24 * 3600.0
"""The age of a breach at which its open pull request is left to people."""
_DELAYS = ((60.0, 1.0), (600.0, 10.0))
_LONGEST_DELAY = 60.0
_ENDED = "ended"
_MOST_NAMES = 5
"""The possible names of a branch that a killed worker was about to push, for each of which the forge is asked."""


def follow(row: StoredBreach, base: Base, forge: Forge) -> Answer | None:
    """Look at the pull request of a breach.

    None if the breach has to be answered again: the base has moved, or somebody pushed to the branch.
    """
    known = row.outcome.get("pullRequest")
    if not isinstance(known, dict):
        return None
    pull = forge.find(known["branch"], base.branch)
    if pull is None:
        return None
    outcome = {**row.outcome, "pullRequest": {**known, "number": pull.number, "url": pull.url, "state": pull.state}}
    if pull.state != "open":
        return Answer(row, "done", outcome, ((pull.state, pull.url),))
    if base.commit != row.outcome.get("base") or pull.head_sha != row.outcome.get("commit"):
        return None
    steps = []
    if row.ended_at is not None and not row.outcome.get(_ENDED):
        _comment_on_end(row.ended_at, pull, forge)
        outcome[_ENDED] = True
        steps.append(("commented", f"{pull.url}: the alert ended"))
    age = row.age
    if age > LONGEST_SECONDS:
        return Answer(row, "done", outcome, (*steps, ("left open", pull.url)))
    return replace(Answer(row, "watching", outcome, tuple(steps)), delay=delay_after(age))


def stays_merged(answer: Answer, base: Base, forge: Forge) -> Answer:
    """Return an answer with the pull request of the last try, if that was merged.

    Another answer, or one that leaves something to do, is returned unchanged.
    """
    if answer.outcome.get("verdict") != "ignore":
        return answer
    outcome = {name: value for name, value in answer.row.outcome.items() if name != BEGUN}
    known, begun = outcome.get("pullRequest"), answer.row.outcome.get(BEGUN)
    pull = forge.find(known["branch"], base.branch) if isinstance(known, dict) else None
    if (pull is None or pull.state != "merged") and isinstance(begun, dict):
        pull, outcome = _merged_since(begun, base, forge), begun
    if pull is None or pull.state != "merged":
        return answer
    merged = {"number": pull.number, "url": pull.url, "branch": pull.head, "state": pull.state}
    steps = (("merged", f"{pull.url} was merged before this answer, and stays merged"),)
    return Answer(answer.row, "done", {**outcome, "pullRequest": merged}, steps)


def _merged_since(begun: Mapping[str, Any], base: Base, forge: Forge) -> PullRequest | None:
    """Return the merged pull request of a push that was begun.

    One that the base had before is of an earlier rollback.
    """
    for branch in islice(branch_names(begun["branch"], {}, instead=""), _MOST_NAMES):
        pull = forge.find(branch, base.branch)
        if pull is None:
            return None
        if pull.state == "merged" and not base.git.holds(begun["base"], pull.merge_sha or pull.head_sha):
            return pull
    return None


def delay_after(age: float) -> float:
    """Return the time until the next look at a pull request, in seconds: longer for an older breach."""
    return next((delay for limit, delay in _DELAYS if age < limit), _LONGEST_DELAY)


def _comment_on_end(ended_at: float, pull: PullRequest, forge: Forge) -> None:
    moment = format_time(datetime.fromtimestamp(ended_at, UTC).replace(microsecond=0))
    text = f"**The alert ended at {moment}.** The rollback stays open: an alert that ended does not clear the version."
    forge.comment(pull, "alert-ended", text)
