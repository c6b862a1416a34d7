"""The system notes of a GitLab merge request.

GitLab itself records drafts, auto-merge and pushes in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rollout_spec.core.pull_request import Interventions

# GitLab records these events as text only, which differs by release. `draft` was `Work In Progress` until 13.2.
_WORDS = {
    "drafted": r"marked (this merge request )?as (an? )?\**(draft|work in progress)\**( from \S+)?\Z",
    "ready": r"(marked (this merge request )?as \**ready\**|unmarked (this merge request )?as .*)\Z",
    "armed": r"(enabled|set) (an )?(auto-merge|automatic (merge|add to merge train))|"
    r"(added this merge request to|started) (the|a) merge train",
    "aborted": r"aborted|removed this merge request from the merge train because",
    "disarmed": r"cancell?ed (the |an )?(auto-merge|automatic (merge|add to merge train))|"
    r"removed this merge request from the merge train",
    "pushed": r"added \d+ (new )?commits?\b",
}
_KINDS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _WORDS.items()}


def interventions(notes: Iterable[dict[str, Any]], owner: int) -> Interventions:
    """Read the notes of a merge request, newest first; ``owner`` is the id of its author.

    A push by the owner brings a new head: older notes are about another one. What people push does not.
    """
    drafted: bool | None = None
    disarmed: bool | None = None
    for note in notes:
        if note["system"] is not True:
            continue
        kind = _kind(note["body"])
        if kind == "pushed" and (note["author"] or {}).get("id") == owner:
            break
        if kind in ("drafted", "ready") and drafted is None:
            drafted = kind == "drafted"
        if kind in ("armed", "aborted", "disarmed") and disarmed is None:
            disarmed = kind == "disarmed"
        if drafted is not None and disarmed is not None:
            break
    return Interventions(bool(drafted), bool(disarmed))


def _kind(text: str) -> str | None:
    """Return the kind of a system note by its first words, None if unknown."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.match(text.strip())), None)
