"""What Gitea tells of a token, a repository and a branch: scopes are looked at before all else, and never shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fakes.forge import ForgeHost, Pull
from fakes.host import Answer, Request


class GiteaStanding(ForgeHost):
    """A token with scopes, of somebody with a role in the repository."""

    root = "/api/v1"

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.scopes = ["write:repository", "write:issue", "read:user"]
        self.rule_name = "main"
        self.may_merge = True

    def forbidden(self, verb: str, path: str) -> Answer | None:
        """Refuse what the token's scopes do not allow, as the routes are grouped."""
        inner = path.removeprefix(f"{self.root}/repos/{self.name}")
        group = "issue" if inner.startswith(("/issues", "/labels")) else "repository"
        if path == f"{self.root}/user":
            group = "user"
        elif path == f"{self.root}/version":
            return None
        wanted = [f"write:{group}"] if verb != "GET" else [f"read:{group}", f"write:{group}"]
        if not set(wanted) & set(self.scopes):
            return self._error(403, f"token does not have at least one of required scope(s): [{wanted[0]}]")
        if verb != "GET" and self.archived:
            return self._error(423, f"{self.name} is archived")
        return None

    def told(self, path: str, user: str) -> Answer | None:
        """Answer what is about no repository; None where it is about one."""
        if path == f"{self.root}/user":
            return Answer(200, {"id": 1, "login": user})
        if path == f"{self.root}/version":
            return Answer(200, {"version": "1.24.6"})
        return None

    def _show(self, request: Request, user: str, _: Any) -> Answer:
        shape = {
            "id": 1, "full_name": self.name, "default_branch": "main", "allow_merge_commits": True,
            "allow_squash_merge": True, "allow_rebase": True, "default_merge_style": "merge",
            "archived": self.archived, "has_pull_requests": True,
            "permissions": {"admin": self.role == "admin", "push": self.role != "read", "pull": True},
        }  # fmt: skip
        return Answer(200, shape)

    def _branch(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if not self.branch(match["b"]):
            return self._not_found()
        guard = self.guard
        shape = {
            "name": match["b"], "commit": {"id": self.branch(match["b"])}, "protected": guard is not None,
            "required_approvals": guard.approvals if guard else 0,
            "enable_status_check": bool(guard and guard.checks),
            "status_check_contexts": list(guard.checks) or ["of-before"] if guard else [],
            "user_can_push": guard is None and self.role != "read",
            "user_can_merge": self.may_merge and self.role != "read",
            "effective_branch_protection_name": self.rule_name if guard and self.role == "admin" else "",
        }  # fmt: skip
        return Answer(200, shape)

    def _rule(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if self.role != "admin":
            return self._error(403, "user should be an owner or a collaborator with admin write of a repository")
        if self.guard is None or match["r"] != self.rule_name:
            return self._not_found()
        shape = {
            "rule_name": self.rule_name, "block_on_outdated_branch": self.guard.up_to_date,
            "require_signed_commits": self.guard.signatures, "required_approvals": self.guard.approvals,
        }  # fmt: skip
        return Answer(200, shape)

    def _brought_by(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        """Tell of the pull request that has a commit as its merged one: of the others that came with it, nothing."""
        found = next((each for each in self.pulls if each.merge_sha == match["c"] and each.state == "merged"), None)
        return Answer(200, self._pull(found)) if found else self._not_found()

    def _pull(self, pull: Pull) -> dict[str, Any]:
        raise NotImplementedError

    def _error(self, status: int, message: str) -> Answer:
        return Answer(status, {"message": message, "url": f"{self.url}/api/swagger"})

    def _not_found(self) -> Answer:
        return Answer(404, {"errors": None, "message": "not found", "url": f"{self.url}/api/swagger"})
