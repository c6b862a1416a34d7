"""Rollbacks of the same failure that lead elsewhere are out of date once another one is open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rollout_spec.change import PullRequest
from rollout_spec.delivery import SUPERSEDED
from rollout_spec.errors import UserError
from rollout_spec.forges import Forge
from rollout_spec.heads import Heads
from rollout_spec.precedents import fetched
from rollout_spec.rebuilding import incidents_in
from rollout_spec.rollback import Rollback
from rollout_spec.units import label

if TYPE_CHECKING:
    from rollout_spec.landing import Base

_MOST = 200


def supersede_others(
    rollback: Rollback, base: Base, pull: PullRequest, forge: Forge, heads: Heads, there: Mapping[str, str]
) -> list[str]:
    """Close the open rollbacks of the same version that lead elsewhere, and say why; return notes of what was done.

    ``there`` are the branches on the remote. Only those that this tool built are closed. One that a person changed is
    told, and stays open.
    """
    assert base.remote is not None
    start = rf"rollback(\.\d+)?/{re.escape(rollback.workspace)}(\.\d+)?"
    ours = "|".join(rf"{re.escape(each.rollout)}(\.\d+)?/{re.escape(label(each.failed))}" for each in rollback.parts)
    same = re.compile(rf"{start}/({ours})-[0-9a-f]{{8}}(-\d+|-[0-9a-f]{{12}})?")
    stem = re.sub(r"(-[0-9a-f]{8})-(\d+|[0-9a-f]{12})$", r"\1", pull.head)
    others = [name for name in there if same.fullmatch(name) and not name.startswith(stem)]
    notes: list[str] = []
    if len(others) > _MOST:
        notes.append(f"{len(others) - _MOST:,} more branches are named like rollbacks of this, and were not looked at")
    for other in fetched(base, {name: there[name] for name in others[:_MOST]}):
        if not heads.is_ours(there[other]) or not _is_about(base, there[other], rollback):
            continue
        try:
            old = forge.find(other, base.branch)
            if old is not None and old.state == "open":
                notes.append(_supersede(old, rollback, pull.url, forge))
        except UserError as error:
            notes.append(error.message)
    return notes


def _supersede(old: PullRequest, rollback: Rollback, url: str, forge: Forge) -> str:
    moves = " and ".join(f"{each.rollout} {each.failed} back to {each.restored}" for each in rollback.parts)
    hands = forge.interventions(old)
    is_kept = hands.drafted or hands.disarmed
    end = ": close it" if is_kept else ", and is closed"
    text = f"**{url} takes {moves} now.** This one was right on an older state of the base{end}."
    forge.comment(old, "superseded", text)
    if is_kept:
        return f"{old.url} is out of date"
    forge.mark(old, (SUPERSEDED,), ())
    forge.close(old)
    return f"{old.url} is out of date, and was closed"


def _is_about(base: Base, head: str, rollback: Rollback) -> bool:
    """Return whether a head takes a version back that a rollback takes back too."""
    own = base.git.parted(base.commit, head)
    found = incidents_in(replace(base, commit=own), head).recorded if own is not None else ()
    failed = {(part.rollout, part.failed) for part in rollback.parts}
    return any((each.breach.rollout, each.breach.version) in failed for each in found)
