"""Commit statuses as Gitea keeps them: each has an index, and a required one is a pattern of contexts."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from fakes.forge import NOW
from fakes.gitea_standing import GiteaStanding
from fakes.host import Answer, Request
from fakes.statuses import Status

_PAGE = 50


class GiteaStatuses(GiteaStanding):
    """Statuses of commits."""

    @staticmethod
    def is_meant(required: str, context: str) -> bool:
        return fnmatchcase(context, required)

    def _show_statuses(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        listed = [each for each in self.statuses if each.sha == match["c"]]
        if request.query.get("sort") == "highestindex":
            listed.reverse()
        page, size = int(request.query.get("page", 1)), min(int(request.query.get("limit", 30)), _PAGE)
        start = (page - 1) * size
        more = {"Link": f'<{self.url}{request.path}?page={page + 1}>; rel="next"'}
        found = [self._status(each) for each in listed[start : start + size]]
        return Answer(200, found, more if start + size < len(listed) else {})

    def _set_status(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if self.role == "read":
            return self._error(403, "user should have a permission to write to the repo")
        if not self.has(match["c"]):
            return self._error(404, f"object does not exist [id: {match['c']}, rel_path: ]")
        wish = request.body
        made = self.set_status(match["c"], wish["context"], wish["state"], user, wish.get("description") or "")
        return Answer(201, self._status(made))

    def _status(self, status: Status) -> dict[str, Any]:
        return {
            "id": status.number, "status": status.state, "target_url": "", "description": status.description,
            "url": f"{self.url}/{status.sha}", "context": status.context, "creator": {"id": 1, "login": status.author},
            "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
