"""The timeline of a GitHub pull request.

It has drafts, auto-merge, the merge queue and force pushes, in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from github.PullRequest import PullRequest as Theirs
from github.Repository import Repository

from rollout_spec.core.pull_request import Interventions
from rollout_spec.integrations.forges.github.api import answers
from rollout_spec.integrations.forges.http import ForgeError
from rollout_spec.integrations.forges.probes import is_denied

_TYPES = (
    *("CONVERT_TO_DRAFT_EVENT", "READY_FOR_REVIEW_EVENT", "HEAD_REF_FORCE_PUSHED_EVENT", "AUTO_MERGE_ENABLED_EVENT"),
    *("AUTO_SQUASH_ENABLED_EVENT", "AUTO_REBASE_ENABLED_EVENT", "AUTO_MERGE_DISABLED_EVENT"),
)
_QUEUE_TYPES = ("ADDED_TO_MERGE_QUEUE_EVENT", "REMOVED_FROM_MERGE_QUEUE_EVENT")
_FIELDS = "... on HeadRefForcePushedEvent { afterCommit { oid } } ... on AutoMergeDisabledEvent { reasonCode }"
_QUEUE_FIELDS = "... on RemovedFromMergeQueueEvent { reason }"

_ARMED = {"AutoMergeEnabledEvent", "AutoSquashEnabledEvent", "AutoRebaseEnabledEvent", "AddedToMergeQueueEvent"}
_DISARMED = {"AutoMergeDisabledEvent", "RemovedFromMergeQueueEvent"}
_AUTOMATIC = {
    *("merge", "merged", "already_merged", "merge_conflict", "ci_failure", "ci_timeout", "roll_back"),
    *("branch_protections", "git_tree_invalid", "invalid_merge_commit"),
}
"""Reasons with which GitHub itself removes a pull request from a merge queue. Others may be a person's."""


def interventions(repository: Repository, theirs: Theirs, secret: str) -> Interventions:
    """Return the changes that a person made to a pull request at its present head."""
    try:
        node = _ask(repository, theirs, (*_TYPES, *_QUEUE_TYPES), f"{_FIELDS} {_QUEUE_FIELDS}", secret)
    except ForgeError as error:
        if not is_denied(error):
            raise
        node = _ask(repository, theirs, _TYPES, _FIELDS, secret)  # an older Enterprise knows no merge queue
    with answers("show the timeline of the pull request", secret=secret):
        return _read(_at_head(node["timelineItems"]["nodes"], node["headRefOid"]))


def _ask(repository: Repository, theirs: Theirs, types: tuple[str, ...], fields: str, secret: str) -> dict[str, Any]:
    wish = f"headRefOid timelineItems(last: 100, itemTypes: [{' '.join(types)}]) {{ nodes {{ __typename {fields} }} }}"
    with answers("show the timeline of the pull request", secret=secret):
        _, found = repository.requester.graphql_node(theirs.node_id, wish, "PullRequest")
        return dict(found["data"]["node"])


def _at_head(items: list[dict[str, Any]], head: str) -> list[dict[str, Any]]:
    """Return the items since the force push of the present head; all of them if there was none."""
    pushes = [
        index
        for index, each in enumerate(items)
        if each["__typename"] == "HeadRefForcePushedEvent" and (each["afterCommit"] or {}).get("oid") == head
    ]
    return items[pushes[-1] :] if pushes else items


def _read(items: Iterable[dict[str, Any]]) -> Interventions:
    drafted = disarmed = False
    for each in items:
        kind = each["__typename"]
        if kind in ("ConvertToDraftEvent", "ReadyForReviewEvent"):
            drafted = kind == "ConvertToDraftEvent"
        elif kind in _ARMED:
            disarmed = False
        elif kind in _DISARMED:
            disarmed = _is_by_a_person(each)
    return Interventions(drafted, disarmed)


def _is_by_a_person(item: dict[str, Any]) -> bool:
    """Return whether a person cancelled the merge, by its reason; an empty reason is a person's."""
    if item["__typename"] == "AutoMergeDisabledEvent":
        reason = item["reasonCode"] or ""
        return not reason or "manual" in reason.lower()  # `manually_disabled`
    return re.sub("[^a-z]+", "_", (item["reason"] or "").lower()) not in _AUTOMATIC
