"""Merge requests as GitLab's API returns them."""

from __future__ import annotations

import re
from typing import Any

from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges.probes import closing_time

DRAFT = re.compile(r"\A\s*((draft:|\[draft\]|\(draft\))\s*)+", re.IGNORECASE)
"""The prefix of a draft's title."""
_STATES = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}


def read(data: dict[str, Any]) -> PullRequest:
    """Return a merge request. KeyError or TypeError if it is none."""
    merged = data["state"] == "merged"
    state = _STATES.get(data["state"], data["state"])
    return PullRequest(
        data["iid"],
        data["web_url"],
        state,
        data["source_branch"],
        data["target_branch"],
        data["sha"],
        bool(data.get("draft", data.get("work_in_progress"))),
        tuple(map(str, data["labels"])),
        auto_merge_enabled=bool(data.get("merge_when_pipeline_succeeds")) and not merged,
        merge_sha=(data.get("merge_commit_sha") or data.get("squash_commit_sha")) if merged else None,
        closed_at=closing_time(state, data.get("closed_at")),
    )
