"""The open pull request of a step or a resolution that a person repeats."""

from __future__ import annotations

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.text import escape, join_some
from rollout_spec.integrations.forges import Forge
from rollout_spec.integrations.git.changes import differing
from rollout_spec.workflows.base_branch import Base, build
from rollout_spec.workflows.branch_heads import Built, Heads

_SHOWN = 3


def refuse_other(change: ProposedChange, base: Base, forge: Forge, heads: Heads, subject: str) -> None:
    """Raise UserError if the open pull request of a change holds something else.

    A second pull request would conflict with it. ``subject`` is what both are for.
    """
    pull = forge.find(change.branch, base.branch)
    if pull is None or pull.state != "open" or base.remote is None:
        return
    head = base.remote.branch(change.branch)
    if head is None:
        return
    base.remote.fetch_branches({change.branch: head})
    if heads.state(head, Built(change.edits, change.branch)) != "foreign":
        return
    paths = [escape(path) for path in differing(base.git.root, build(change, base), head)]
    difference = f"it differs in {join_some(paths, _SHOWN)}" if paths else "it has other commits"
    raise UserError(
        f"pull request {pull.number} ({pull.url}) is open for this {subject}, but {difference}",
        hint="merge or close it, then run this again",
        status=1,
    )
