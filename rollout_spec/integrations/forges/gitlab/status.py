"""Commit statuses on GitLab: jobs of the newest pipeline of a branch, or of an external one."""

from __future__ import annotations

from urllib.parse import quote

from gitlab import Gitlab

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges.gitlab.api import answers
from rollout_spec.integrations.forges.statuses import is_due

_FAILED = ("failed", "canceled", "canceling")


class Statuses:
    """The statuses of the commits of one project."""

    def __init__(self, client: Gitlab, project: str, secret: str) -> None:
        self._client = client
        self._root = f"/projects/{quote(project, safe='')}"
        self._secret = secret

    def is_due(self, pull: PullRequest, commit: str, context: str) -> bool:
        """Return whether a status is still to be set. UserError if it, or a pipeline, failed.

        An external pipeline would hide the failed one, because GitLab looks at the newest.
        """
        with answers("show the pipelines of the merge request", secret=self._secret):
            path = f"{self._root}/merge_requests/{pull.number}/pipelines"
            for each in self._client.http_list(path, iterator=True):
                if each["sha"] == commit and each["status"] in _FAILED:
                    raise UserError(f"a pipeline of {pull.url} has the status `{each['status']}`", status=1)
        with answers("show the statuses of the commit", secret=self._secret):
            path = f"{self._root}/repository/commits/{quote(commit)}/statuses"
            query = {"name": context, "ref": pull.head}
            listed = [dict(each) for each in self._client.http_list(path, query_data=query, iterator=True)]
            ours = [(int(each["id"]), str(each["status"])) for each in listed if each["name"] == context]
        return is_due(max(ours)[1] if ours else None, context, commit)

    def succeed(self, pull: PullRequest, commit: str, context: str, description: str) -> None:
        """Set the status of a context to success."""
        wish = {"state": "success", "name": context, "description": description, "ref": pull.head}
        with answers("set the status of the commit", secret=self._secret):
            self._client.http_post(f"{self._root}/statuses/{quote(commit)}", post_data=wish)
