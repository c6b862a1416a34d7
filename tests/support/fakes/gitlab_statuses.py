"""Commit statuses as GitLab keeps them: jobs of a pipeline, an external one where CI has made none for the branch."""

from __future__ import annotations

import re
from typing import Any

from fakes.forge import NOW, Pull
from fakes.gitlab_standing import GitLabStanding
from fakes.host import Answer, Request
from fakes.statuses import Status

_CI = {"pending": "running", "success": "success", "failed": "failed"}


class GitLabStatuses(GitLabStanding):
    """Pipelines of merge requests. Any of `required` says that a pipeline must succeed: there are no others."""

    def pipeline(self, pull: Pull) -> str | None:
        """Return the status of the pipeline of a merge request: of CI and of what was set from outside, together."""
        states = {each.state for each in self.newest_statuses(self.head(pull))}
        states |= {_CI[self.checks]} if self.checks in _CI else set()
        for state in ("failed", "running", "pending"):
            if state in states:
                return "running" if state == "pending" else state
        return "success" if states else None

    def is_pending(self, pull: Pull) -> bool:
        return self.pipeline(pull) != "success"

    def _pipelines(self, request: Request, user: str, pull: Pull) -> Answer:
        status = self.pipeline(pull)
        shape = {"id": 1, "project_id": 1, "sha": self.head(pull), "ref": pull.head, "status": status}
        return Answer(200, [shape] if status else [])

    def _show_statuses(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if not self.has(match["c"]):
            return Answer(404, {"message": "404 Commit Not Found"})
        name = request.query.get("name")
        if not request.query.get("ref"):  # then it means the default branch
            return Answer(200, [])
        newest = self.newest_statuses(match["c"])
        return Answer(200, [self._status(each) for each in newest if name in (None, each.context)])

    def _set_status(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        wish = request.body
        if not self.has(match["c"]):
            return Answer(404, {"message": "404 Commit Not Found"})
        name, state = wish.get("name") or wish.get("context") or "default", wish["state"]
        now = next((each.state for each in self.newest_statuses(match["c"]) if each.context == name), None)
        if now == state:
            return Answer(400, {"message": f"Cannot transition status via :{state} from :{now}"})
        return Answer(201, self._status(self.set_status(match["c"], name, state, user, wish.get("description") or "")))

    def _status(self, status: Status) -> dict[str, Any]:
        return {
            "id": status.number, "sha": status.sha, "ref": "", "status": status.state, "name": status.context,
            "target_url": None, "description": status.description, "created_at": NOW, "started_at": None,
            "finished_at": NOW, "allow_failure": False, "author": self._person(status.author),
        }  # fmt: skip
