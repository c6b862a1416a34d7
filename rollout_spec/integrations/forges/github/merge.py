"""GitHub has four ways to merge: auto-merge, a merge queue, at once, and none of them in some states."""

from __future__ import annotations

import re
from dataclasses import replace

from github.PullRequest import PullRequest as Theirs
from github.Repository import Repository

from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges.github.api import answers
from rollout_spec.integrations.forges.http import ForgeError
from rollout_spec.integrations.forges.probes import is_denied

_QUEUE = "merge queue"


class Merging:
    """The merge of one pull request."""

    def __init__(self, repository: Repository, theirs: Theirs, secret: str) -> None:
        self._repository = repository
        self._theirs = theirs
        self._secret = secret

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Enable auto-merge; GitHub refuses where nothing is to be waited for, and then it is merged.

        A merge queue comes first. What is in it is not shown as armed; where there is one, auto-merge may be answered
        with success and do nothing once the checks have passed, and a merge by REST may go past it.
        """
        is_queued, has_queue = self._queue()
        if is_queued:
            return replace(pull, armed=True)
        if has_queue:
            try:
                return self._enqueue(pull, head_sha)
            except ForgeError as error:
                if not is_denied(error):
                    raise  # else it waits for its checks, to be queued then
        try:
            with answers("arm the merge", secret=self._secret):
                self._theirs.enable_automerge(merge_method=self._method(), expected_head_oid=head_sha)
            return replace(pull, armed=True)
        except ForgeError as error:
            if has_queue or not self._may_merge_now(pull, error):
                raise
        return self._merge(pull, head_sha)

    def _queue(self) -> tuple[bool, bool]:
        """Return whether it is in a merge queue, and whether its base has one. An older Enterprise knows neither."""
        node = self._theirs.node_id
        try:
            with answers("say whether there is a merge queue", secret=self._secret):
                fields = "isInMergeQueue isMergeQueueEnabled"
                _, found = self._repository.requester.graphql_node(node, fields, "PullRequest")
                told = found["data"]["node"]
                return bool(told["isInMergeQueue"]), bool(told["isMergeQueueEnabled"])
        except ForgeError as error:
            if not is_denied(error):
                raise
            return False, False

    def _merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        try:
            with answers("merge", secret=self._secret):
                done = self._theirs.merge(sha=head_sha, merge_method=self._method().lower())
            return replace(pull, state="merged", merge_sha=done.sha)
        except ForgeError as error:
            if _QUEUE not in error.reason.lower():
                raise
        return self._enqueue(pull, head_sha)

    def _may_merge_now(self, pull: PullRequest, error: ForgeError) -> bool:
        """Is there nothing to wait for? Where the repository has no auto-merge, the pull request is looked at."""
        if re.search(r"in clean status", error.reason, re.IGNORECASE):
            return True
        if not re.search(r"auto.?merge is not allowed", error.reason, re.IGNORECASE):
            return False
        error.hint = "allow auto-merge in the settings of the repository"
        with answers("show the pull request", secret=self._secret):
            return self._repository.get_pull(pull.number).mergeable_state == "clean"

    def _enqueue(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Add to the merge queue, which is the only way onto a branch that has one."""
        wish = {"pullRequestId": self._theirs.node_id, "expectedHeadOid": head_sha}
        with answers("add the pull request to the merge queue", secret=self._secret):
            self._repository.requester.graphql_named_mutation(
                "enqueuePullRequest", wish, "mergeQueueEntry { position }"
            )
        return replace(pull, armed=True)

    def _method(self) -> str:
        """Return how to merge: by a merge commit, where the repository allows it, as that keeps the commit's id."""
        with answers("show the repository", secret=self._secret):
            allowed = {
                "MERGE": self._repository.allow_merge_commit,
                "SQUASH": self._repository.allow_squash_merge,
                "REBASE": self._repository.allow_rebase_merge,
            }
        return next((name for name, is_allowed in allowed.items() if is_allowed), "MERGE")
