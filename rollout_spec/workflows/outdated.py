"""Pull requests that this tool closes itself, because they are out of date."""

from __future__ import annotations

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import Forge

SUPERSEDED = "superseded"
"""The label of pull requests that this tool closed itself, so that no person refused them."""


def close_armed(pull: PullRequest, forge: Forge) -> str:
    """Close a rollback with auto-merge, because the rebuilt one needs a person.

    Forges keep auto-merge if the branch is pushed again. Return a note.
    """
    text = "**This is no longer right on the newest base, and a person must review the rebuilt one.** So it is closed."
    try:
        forge.comment(pull, "superseded", text)
        forge.label_and_request_review(pull, (SUPERSEDED,), ())
        forge.close(pull)
    except UserError as error:
        return f"{pull.url} is out of date, still has auto-merge, and was not closed: {error.message}"
    return f"{pull.url} is out of date, had auto-merge, and was closed"
