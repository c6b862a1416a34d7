"""Commit statuses as GitHub keeps them: the newest of each context counts, whoever may push may set one."""

from __future__ import annotations

import re
from typing import Any

from fakes.forge import NOW, Pull
from fakes.github_standing import GitHubStanding, failed
from fakes.host import Answer, Request
from fakes.statuses import Status

_LONGEST_DESCRIPTION = 140


class GitHubStatuses(GitHubStanding):
    """Statuses of commits. Contexts are case-insensitive, and a check of Actions is none of them."""

    @staticmethod
    def is_meant(required: str, context: str) -> bool:
        return required.lower() == context.lower()

    def expected(self, pull: Pull) -> str:
        """Return the name of a check that is waited for."""
        return next(iter(self.missing(self.head(pull))), "rollouts")

    def _show_statuses(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if not self.has(match["c"]):
            return failed(404, "Not Found")
        newest = self.newest_statuses(match["c"])
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        states = {each.state for each in newest}
        state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
        url = f"{self.url}{self.root}{request.path}"
        shape = {
            "state": state, "sha": match["c"], "total_count": len(newest), "repository": self._repository(),
            "commit_url": url, "url": url,
            "statuses": [self._a_status(each) for each in newest[(page - 1) * size : page * size]],
        }  # fmt: skip
        return Answer(200, shape)

    def _set_status(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        wish = request.body
        if not self.has(match["c"]):
            return failed(422, f"No commit found for SHA: {match['c']}")
        if len(wish.get("description") or "") > _LONGEST_DESCRIPTION:
            return failed(422, "Validation Failed: description is too long (maximum is 140 characters)")
        made = self.set_status(match["c"], wish["context"], wish["state"], user, wish.get("description") or "")
        return Answer(201, self._a_status(made) | {"creator": self._user(user)})

    def _a_status(self, status: Status) -> dict[str, Any]:
        return {
            "id": status.number, "node_id": f"S_{status.number}", "url": f"{self.url}/{status.sha}", "avatar_url": None,
            "state": status.state, "context": status.context, "description": status.description, "target_url": None,
            "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
