"""Outdated rollbacks and incidents.

They are open, and about the same failure as the newest decision, but have another outcome.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.core.units import label
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import NoRollbackTarget, Rollback
from rollout_spec.workflows.branch_heads import Heads
from rollout_spec.workflows.open_incidents import fetched
from rollout_spec.workflows.outdated import SUPERSEDED
from rollout_spec.workflows.rebuild import incidents_of_head, is_exact_commit

if TYPE_CHECKING:
    from rollout_spec.workflows.base_branch import Base

_KINDS = ("rollback", "incident")
_MOST = 200
_MOST_SECONDS = 10.0


def supersede_others(
    decision: Rollback | NoRollbackTarget,
    base: Base,
    pull: PullRequest | None,
    forge: Forge,
    heads: Heads,
    there: Mapping[str, str],
    *,
    draft_for: str | None = None,
) -> list[str]:
    """Close open rollbacks of the same version with another outcome, with a comment. Return notes.

    An open incident of that version, made when it had no rollback target, is closed too.
    ``pull`` is the pull request of the decision; None if its incident is on the base already. ``there`` are the
    branches on the remote. Only those that this tool built are closed. One that a person changed stays, with a note.
    So does one with the same outcome that takes other rollouts back too, or that has auto-merge while the decision is a
    draft: ``draft_for`` is the rollout of the breach then.
    """
    assert base.remote is not None
    parts = decision.parts if isinstance(decision, Rollback) else (decision,)
    others = _other_branches(decision, pull, there)
    failed: dict[tuple[str, str | None], str | None] = {
        (each.rollout, each.failed): each.restored if isinstance(each, Rollback) else None for each in parts
    }
    notes: list[str] = []
    if len(others) > _MOST:
        notes.append(f"{len(others) - _MOST:,} more branches are named like rollbacks of this, and were not looked at")
    end = time.monotonic() + _MOST_SECONDS
    for other in fetched(base, {name: there[name] for name in others[:_MOST]}):
        if time.monotonic() > end:
            notes.append("some branches are named like rollbacks of this, and were not looked at: it takes too long")
            break
        answered = _answered(base, there[other])
        is_known = heads.is_ours(there[other]) or is_exact_commit(base, there[other])
        if not is_known or not answered.keys() & failed.keys():
            continue
        is_same = all(failed[key] == answered[key] for key in failed.keys() & answered.keys())
        is_of_partner = draft_for is not None and draft_for not in {rollout for rollout, _ in answered}
        try:
            old = forge.find(other, base.branch)
            if old is None or old.state != "open":
                continue
            if is_same and (answered.keys() - failed.keys() or (is_of_partner and old.auto_merge_enabled)):
                notes.append(f"{old.url} is open too")
                continue
            notes.append(_supersede(old, _why(decision, pull), forge))
        except UserError as error:
            notes.append(error.message)
    return notes


def _other_branches(
    decision: Rollback | NoRollbackTarget, pull: PullRequest | None, there: Mapping[str, str]
) -> list[str]:
    """Return the other branches of rollbacks, then of incidents, of the same versions."""
    parts = decision.parts if isinstance(decision, Rollback) else (decision,)
    failures = "|".join(rf"{re.escape(each.rollout)}(\.\d+)?/{re.escape(label(each.failed))}" for each in parts)
    workspace = r"[a-z0-9-]+(\.\d+)?"  # any: this one may have had another name, and only its incidents are read
    rest = rf"(\.\d+)?/{workspace}/({failures})-[0-9a-f]{{8}}(-\d+|-[0-9a-f]{{12}})?"
    rollbacks, incidents = ([name for name in there if re.fullmatch(kind + rest, name)] for kind in _KINDS)
    if pull is None:
        return rollbacks + incidents
    stem = re.sub(r"(-[0-9a-f]{8})-(\d+|[0-9a-f]{12})$", r"\1", pull.head)
    others = [name for name in rollbacks if not name.startswith(stem)]
    return others + [name for name in incidents if name != pull.head]


def _why(decision: Rollback | NoRollbackTarget, pull: PullRequest | None) -> str:
    """Return the sentence with the decision that replaces an older rollback."""
    if isinstance(decision, Rollback) and pull is not None:
        moves = " and ".join(f"{each.rollout} {each.failed} back to {each.restored}" for each in decision.parts)
        return f"{pull.url} takes {moves} now."
    more = f": {pull.url} opens its incident" if pull is not None else ""
    return f"No known-good version can serve instead of {decision.rollout} {decision.failed} now{more}."


def _supersede(old: PullRequest, why: str, forge: Forge) -> str:
    hands = forge.interventions(old)
    is_kept = hands.converted_to_draft or hands.cancelled_auto_merge
    end = ": close it" if is_kept else ", and is closed"
    text = f"**{why}** This one was right on an older state of the base{end}."
    forge.comment(old, "superseded", text)
    if is_kept:
        return f"{old.url} is out of date"
    forge.label_and_request_review(old, (SUPERSEDED,), ())
    forge.close(old)
    return f"{old.url} is out of date, and was closed"


def _answered(base: Base, head: str) -> dict[tuple[str, str | None], str | None]:
    """Return the versions of rollouts that a head takes back, each with the version that it restores."""
    added = incidents_of_head(base, head)
    found = added[1].recorded if added is not None else ()
    return {(each.breach.rollout, each.breach.version): each.restored for each in found}
