"""Commit statuses: the conditions for a status at the head of a pull request."""

from __future__ import annotations

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.core.text import excerpt

LONGEST_DESCRIPTION = 140
"""The most characters that each forge accepts."""

_SET, _UNDECIDED = "success", (None, "pending", "running", "created")


def is_due(state: str | None, context: str, commit: str) -> bool:
    """Return whether a status is still to be set, by its newest state. UserError if it failed.

    A failure is never replaced: another check found a problem.
    """
    if state not in (_SET, *_UNDECIDED):
        raise UserError(
            f"another process set the status {excerpt(context)} of {commit[:12]} to `{excerpt(str(state))}`",
            hint="see its details on the forge",
            status=1,
        )
    return state != _SET


def refuse_changed(now: PullRequest, pull: PullRequest, commit: str) -> None:
    """Raise UserError unless a pull request is open, ready, for the same base, and at this commit."""
    problems = (
        (now.state != "open", f"is {now.state}"),
        (now.draft, "is a draft"),
        (now.head_sha != commit, f"is at {excerpt(now.head_sha)[:12]}, not {commit[:12]}"),
        (now.base != pull.base, f"is for {excerpt(now.base)}, not {pull.base}"),
    )
    for is_changed, message in problems:
        if is_changed:
            raise UserError(f"{pull.url} {message}: no status is set", status=1)
