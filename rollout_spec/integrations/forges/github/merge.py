"""The merge of a GitHub pull request: by auto-merge, by a merge queue, or at once."""

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
        """Enable auto-merge. GitHub refuses if nothing is pending; then merge at once.

        A merge queue comes first. Its entries have no auto-merge flag. With a queue, auto-merge may report success and
        do nothing once the checks have passed, and a merge by REST may bypass the queue.
        """
        is_queued, has_queue = self.queue()
        if is_queued:
            return replace(pull, auto_merge_enabled=True)
        if has_queue:
            try:
                return self._enqueue(pull, head_sha)
            except ForgeError as error:
                if not is_denied(error):
                    raise  # else its checks are pending; auto-merge queues it afterwards
        try:
            with answers("enable auto-merge", secret=self._secret):
                self._theirs.enable_automerge(merge_method=self._method(), expected_head_oid=head_sha)
            return replace(pull, auto_merge_enabled=True)
        except ForgeError as error:
            if has_queue or not self._may_merge_now(pull, error):
                raise
        return self._merge(pull, head_sha)

    def queue(self) -> tuple[bool, bool]:
        """Return whether it is in a merge queue, and whether its base has one.

        Old Enterprise releases have none.
        """
        node = self._theirs.node_id
        try:
            with answers("report the merge queue", secret=self._secret):
                fields = "isInMergeQueue isMergeQueueEnabled"
                _, found = self._repository.requester.graphql_node(node, fields, "PullRequest")
                node_data = found["data"]["node"]
                return bool(node_data["isInMergeQueue"]), bool(node_data["isMergeQueueEnabled"])
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
        """Return whether nothing is pending. Without auto-merge in the repository, the pull request is read."""
        if re.search(r"in clean status", error.reason, re.IGNORECASE):
            return True
        if not re.search(r"auto.?merge is not allowed", error.reason, re.IGNORECASE):
            return False
        error.hint = "allow auto-merge in the settings of the repository"
        with answers("show the pull request", secret=self._secret):
            return self._repository.get_pull(pull.number).mergeable_state == "clean"

    def _enqueue(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Add the pull request to the merge queue, the only way onto a branch that has one."""
        wish = {"pullRequestId": self._theirs.node_id, "expectedHeadOid": head_sha}
        with answers("add the pull request to the merge queue", secret=self._secret):
            self._repository.requester.graphql_named_mutation(
                "enqueuePullRequest", wish, "mergeQueueEntry { position }"
            )
        return replace(pull, auto_merge_enabled=True)

    def _method(self) -> str:
        """Return the merge method: a merge commit if allowed, because it keeps the commit's id."""
        with answers("show the repository", secret=self._secret):
            allowed = {
                "MERGE": self._repository.allow_merge_commit,
                "SQUASH": self._repository.allow_squash_merge,
                "REBASE": self._repository.allow_rebase_merge,
            }
        return next((name for name, is_allowed in allowed.items() if is_allowed), "MERGE")
