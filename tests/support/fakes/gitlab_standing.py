"""What GitLab tells of a token, a project and a branch: scopes and roles as its documentation has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fakes.forge import ForgeHost, Pull
from fakes.host import Answer, Request

_LEVELS = {"read": 20, "write": 30, "admin": 40}
_READS = {"api", "read_api"}


class GitLabStanding(ForgeHost):
    """A token with scopes, of a member of the project."""

    root = "/api/v4"

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.scopes: list[str] | None = ["api", "write_repository"]
        """None: a token of OAuth, which tells of no scopes."""
        self.expires: str | None = None
        self.is_paid = True
        self.own_role: str | None = None
        """The role in the project itself, where that is not the one that counts."""
        self.is_member_of_group = False
        """Is the role one of the group above? The project's own permissions say nothing of it."""
        self.merge_method = "merge"
        self.merge_levels: list[dict[str, Any]] = [{"access_level": 40, "user_id": None, "group_id": None}]
        self.protects = "main"

    def forbidden(self, verb: str, path: str) -> Answer | None:
        """Refuse what the token's scopes, or its owner's role, do not allow."""
        scopes = set(self.scopes if self.scopes is not None else ["api"])
        if path == "/personal_access_tokens/self":
            return None
        if not scopes & (_READS if verb == "GET" else {"api"}):
            words = "The request requires higher privileges than provided by the access token."
            return Answer(403, {"error": "insufficient_scope", "error_description": words})
        if verb != "GET" and (self.archived or _LEVELS[self.role] < 30):
            return Answer(403, {"message": "403 Forbidden"})
        return None

    def told(self, path: str, user: str) -> Answer | None:
        """Answer what is about no project; None where it is about one."""
        if path == "/user":
            return Answer(200, self._person(user))
        if path == "/version":
            return Answer(200, {"version": "18.5.1-ee" if self.is_paid else "18.5.1", "revision": "0"})
        if path == "/personal_access_tokens/self" and self.scopes is None:
            return Answer(400, {"message": "400 Bad request - token is not a personal access token"})
        if path == "/personal_access_tokens/self":
            shape = {"id": 1, "name": "bot", "revoked": False, "active": True, "scopes": self.scopes, "user_id": 1}
            return Answer(200, {**shape, "expires_at": self.expires})
        return None

    def _show(self, request: Request, user: str, _: Any) -> Answer:
        access = {"access_level": _LEVELS[self.own_role or self.role], "notification_level": 3}
        shape = {
            "id": 1, "path_with_namespace": self.name, "archived": self.archived, "merge_method": self.merge_method,
            "merge_requests_access_level": "enabled",
            "only_allow_merge_if_pipeline_succeeds": bool(self.guard and self.guard.checks),
            "permissions": {"project_access": None if self.is_member_of_group else access, "group_access": None},
        }  # fmt: skip
        if self.is_paid:
            shape |= {"merge_pipelines_enabled": True, "merge_trains_enabled": bool(self.guard and self.guard.queue)}
        return Answer(200, shape)

    def _member(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if int(match["m"]) != self._person(user)["id"]:
            return Answer(404, {"message": "404 Not found"})
        return Answer(200, {**self._person(user), "access_level": _LEVELS[self.role]})

    def _branch(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if not self.branch(match["b"]):
            return Answer(404, {"message": "404 Branch Not Found"})
        shape = {
            "name": match["b"], "commit": {"id": self.branch(match["b"])}, "protected": self.guard is not None,
            "developers_can_merge": self.guard is not None
            and any(each["access_level"] == 30 for each in self.merge_levels),
        }  # fmt: skip
        return Answer(200, shape)

    def _least(self) -> Answer | None:
        return Answer(403, {"message": "403 Forbidden"}) if _LEVELS[self.role] < 40 else None

    def _protected_branches(self, request: Request, user: str, _: Any) -> Answer:
        if refused := self._least():
            return refused
        other = {"id": 1, "name": "release", "merge_access_levels": [{"access_level": 30}]}
        ours = {"id": 2, "name": self.protects, "merge_access_levels": self.merge_levels}
        return Answer(200, [other, ours] if self.guard else [other])

    def _approval_rules(self, request: Request, user: str, _: Any) -> Answer:
        if not self.is_paid:
            return Answer(404, {"error": "404 Not Found"})
        if refused := self._least():
            return refused
        other = {"id": 1, "approvals_required": 5, "protected_branches": [{"id": 1, "name": "release"}]}
        count = self.guard.approvals if self.guard else 0
        return Answer(200, [other, {"id": 2, "approvals_required": count, "protected_branches": []}])

    def _push_rule(self, request: Request, user: str, _: Any) -> Answer:
        if not self.is_paid:
            return Answer(404, {"error": "404 Not Found"})
        if refused := self._least():
            return refused
        signed = {"id": 1, "reject_unsigned_commits": True}
        return Answer(200, signed if self.guard and self.guard.signatures else None)

    def _brought_by(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        """Tell of each merge request whose commit, merge or squash it is, merged or not."""
        sha = match["c"]
        if not self.has(sha):
            return Answer(404, {"message": "404 Commit Not Found"})
        return Answer(200, [self._merge_request(each) for each in self.pulls if sha in self._commits(each)])

    def _commits(self, pull: Pull) -> list[str]:
        return [*pull.landed, *self.git("rev-list", f"{pull.base}..{self.head(pull)}").split()]

    def _merge_request(self, pull: Pull, *, whole: bool = False) -> dict[str, Any]:
        raise NotImplementedError

    def _person(self, name: str) -> dict[str, Any]:
        number = 100 + self.people.index(name) if name in self.people else 1
        return {"id": number, "username": name, "name": name, "state": "active", "web_url": f"{self.url}/{name}"}
