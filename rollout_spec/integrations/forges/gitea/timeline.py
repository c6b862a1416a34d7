"""The timeline of a Gitea or Forgejo pull request.

It has titles, scheduled merges and force pushes, in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from rollout_spec.core.pull_request import Interventions
from rollout_spec.integrations.forges.gitea.api import Api, parsed
from rollout_spec.integrations.forges.http import useless

DRAFT = re.compile(r"\A\s*((wip:|\[wip\])\s*)+", re.IGNORECASE)
"""The prefix of a draft's title."""

_ACTION = "show the timeline of the pull request"
_PAGE = 50
_AUTOMATIC = {"closed", "work_in_progress", "base_changed"}
"""Bodies of entries with which Gitea itself cancels a scheduled merge. A person's entry has an empty body."""


def interventions(api: Api, number: int, head: str) -> Interventions:
    """Return the changes that a person made to a pull request at its present head."""
    try:
        return _read(_entries(api, number), head)
    except (KeyError, TypeError, AttributeError) as error:
        raise useless("gitea", _ACTION, error, secret="") from None


def _entries(api: Api, number: int) -> Iterator[dict[str, Any]]:
    """Yield all entries, oldest first. Pages are not linked and may be shorter than requested."""
    page, first = 1, None
    while True:
        wish = {"page": page, "limit": _PAGE}
        listed = parsed(_ACTION, api.ask(_ACTION, "GET", f"/issues/{number}/timeline", params=wish), list)
        if not listed or listed[0]["id"] == first:  # a server without pages returns the first one again
            return
        yield from listed
        page, first = page + 1, listed[0]["id"]


def _read(entries: Iterable[dict[str, Any]], head: str) -> Interventions:
    drafted = disarmed = False
    for each in entries:
        kind = each["type"]
        if kind == "pull_push" and _is_forced(each["body"], head):
            drafted = disarmed = False
        elif kind == "change_title":
            was, is_ = (DRAFT.match(each[name]) is not None for name in ("old_title", "new_title"))
            drafted = is_ if was != is_ else drafted
        elif kind == "pull_scheduled_merge":
            disarmed = False
        elif kind == "pull_cancel_scheduled_merge":
            disarmed = each.get("body") not in _AUTOMATIC
    return Interventions(drafted, disarmed)


def _is_forced(body: str, head: str) -> bool:
    """Return whether a push replaced the branch by the present head."""
    try:
        push = json.loads(body)
    except ValueError:  # an older release writes a sentence
        return False
    return (
        isinstance(push, dict) and bool(push.get("is_force_push")) and list(push.get("commit_ids") or ())[-1:] == [head]
    )
