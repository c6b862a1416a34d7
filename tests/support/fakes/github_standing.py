"""What GitHub tells of a token, a repository and a branch, and to whom: most of it to administrators alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes.forge import Guard
from fakes.github_shapes import GitHubShapes
from fakes.host import Answer, Request

_ROLES = ("read", "triage", "write", "maintain", "admin")
_NAMES = ("pull", "triage", "push", "maintain", "admin")


class GitHubStanding(GitHubShapes):
    """A token is classic where it has scopes; without, it may what was granted: to a person's token, or to an App's."""

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.scopes: str | None = "repo"
        self.granted = {"contents": "write", "pull_requests": "write", "metadata": "read"}
        self.is_workflow = False
        """Is it the token of a workflow, in a repository that lets no workflow open pull requests?"""
        self.expires: str | None = None
        self.private = False
        self.ruleset: Guard | None = None
        self.apps: dict[str, int] = {}
        """The App that a required check is pinned to, by the context."""
        self.allows_auto_merge = True
        self.queue: list[int] = []
        self.knows_queues = True
        self.has_graphql = True

    @property
    def has_queue(self) -> bool:
        """Whether the base has a merge queue, by one of its rules."""
        return any(each is not None and each.queue for each in (self.guard, self.ruleset))

    @has_queue.setter
    def has_queue(self, value: bool) -> None:
        self.ruleset = Guard(queue=True) if value else None

    def may(self, permission: str) -> str:
        """Return what the token may: none, read or write; for `administration`, what an administrator may."""
        if self.scopes is None:
            return self.granted.get(permission, "none")
        if permission == "administration":
            return "read" if self.role == "admin" else "none"
        scopes = self.scopes.split(", ")
        is_in = "repo" in scopes or ("public_repo" in scopes and not self.private)
        return "write" if is_in and _ROLES.index(self.role) >= 2 else "read"

    def forbidden(self, verb: str, inner: str) -> Answer | None:
        """Refuse what the token may not do."""
        if inner.endswith("/status") and self.may("statuses") == "none":
            return self._inaccessible()
        if verb == "GET":
            return None
        if self.archived:
            return failed(403, "Repository was archived so is read-only.")
        wanted = {"git": "contents", "statuses": "statuses"}.get(inner.split("/")[1], "pull_requests")
        if self.may(wanted) != "write":
            return self._inaccessible()
        if self.is_workflow and (verb, inner) == ("POST", "/pulls"):
            return failed(403, "GitHub Actions is not permitted to create or approve pull requests.")
        return None

    def stamped(self, answer: Answer) -> Answer:
        """Put the headers on an answer that tell of the token."""
        told = {"X-OAuth-Scopes": self.scopes, "GitHub-Authentication-Token-Expiration": self.expires}
        return replace(answer, headers={name: value for name, value in told.items() if value is not None})

    def _inaccessible(self) -> Answer:
        if self.scopes is not None:
            return failed(404, "Not Found")
        kind = "integration" if self.is_workflow else "personal access token"
        return failed(403, f"Resource not accessible by {kind}")

    # The repository and its branches.

    def _show(self, request: Request, user: str, _: Any) -> Answer:
        level = _ROLES.index(self.role)
        shape = self._repository() | {
            "archived": self.archived, "private": self.private, "has_discussions": False, "network_count": 0,
            "subscribers_count": 0, "permissions": {name: index <= level for index, name in enumerate(_NAMES)},
        }  # fmt: skip
        if level >= _ROLES.index("write"):
            shape |= {
                "allow_merge_commit": True, "allow_squash_merge": True, "allow_rebase_merge": False,
                "allow_auto_merge": self.allows_auto_merge,
            }  # fmt: skip
        return Answer(200, shape)

    def _branch(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        name = match["b"]
        if not self.branch(name):
            return failed(404, "Branch not found")
        url = f"{self.url}{self.root}{request.path}"
        protection: dict[str, Any] = {"enabled": self.guard is not None}
        checks = self.guard.checks if self.guard else ()
        protection["required_status_checks"] = {
            "enforcement_level": "non_admins" if checks else "off", "contexts": list(checks),
            "checks": [{"context": each, "app_id": self.apps.get(each)} for each in checks],
        }  # fmt: skip
        shape = {
            "name": name, "commit": self._commit(self.branch(name)), "_links": {"self": url, "html": url},
            "protected": bool(self.guard or self.ruleset), "protection": protection, "protection_url": url,
        }  # fmt: skip
        return Answer(200, shape)

    def _protection(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        if self.may("administration") == "none":
            return self._inaccessible()
        if self.guard is None:
            return failed(404, "Branch not protected")
        url = f"{self.url}{self.root}{request.path}"
        shape: dict[str, Any] = {
            "url": url, "enforce_admins": {"url": url, "enabled": True},
            "required_signatures": {"url": url, "enabled": self.guard.signatures},
        }  # fmt: skip
        if self.guard.checks or self.guard.up_to_date:
            shape["required_status_checks"] = {
                "url": url, "contexts_url": url, "strict": self.guard.up_to_date, "contexts": list(self.guard.checks),
                "checks": [{"context": each, "app_id": self.apps.get(each)} for each in self.guard.checks],
            }  # fmt: skip
        if self.guard.approvals:
            shape["required_pull_request_reviews"] = {
                "url": url, "dismiss_stale_reviews": False, "require_code_owner_reviews": False,
                "required_approving_review_count": self.guard.approvals,
            }  # fmt: skip
        return Answer(200, shape)

    def _rules(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        guard = self.ruleset
        found: list[dict[str, Any]] = []
        if guard is None or request.query.get("page", "1") != "1":
            return Answer(200, [])
        if guard.checks or guard.up_to_date:
            checks = [
                {"context": name} | ({"integration_id": self.apps[name]} if name in self.apps else {})
                for name in guard.checks
            ]
            wish = {"required_status_checks": checks, "strict_required_status_checks_policy": guard.up_to_date}
            found.append({"type": "required_status_checks", "parameters": wish})
        if guard.approvals:
            reviews = dict.fromkeys(
                ("dismiss_stale_reviews_on_push", "require_code_owner_review", "require_last_push_approval"), False
            )
            wish = {**reviews, "required_review_thread_resolution": False}
            found.append(
                {"type": "pull_request", "parameters": {**wish, "required_approving_review_count": guard.approvals}}
            )
        if guard.queue:
            wish = {
                "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5,
                "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
                "min_entries_to_merge_wait_minutes": 5,
            }  # fmt: skip
            found.append({"type": "merge_queue", "parameters": wish})
        if guard.signatures:
            found.append({"type": "required_signatures"})
        source: dict[str, Any] = {"ruleset_source_type": "Repository", "ruleset_source": self.name, "ruleset_id": 1}
        return Answer(200, [{**rule, **source} for rule in [*found, {"type": "deletion"}]])

    def _make_ref(self, request: Request, user: str, _: Any) -> Answer:
        name, sha = request.body["ref"], request.body["sha"]
        if self.git("rev-parse", "--verify", "--quiet", name):
            return failed(422, "Reference already exists")
        if not self.has(sha):
            return failed(422, "Object does not exist")
        self.git("update-ref", name, sha)
        url = f"{self.url}{self.root}{request.path}"
        return Answer(
            201, {"ref": name, "node_id": "R", "url": url, "object": {"type": "commit", "sha": sha, "url": url}}
        )

    def _brought_by(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        """Tell of the merged pull requests that brought a commit; where it is on no base, of the open ones with it."""
        sha = match["c"]
        if not self.has(sha):
            return failed(422, f"No commit found for SHA: {sha}")
        found = [each for each in self.pulls if sha in each.landed]
        found = found or [
            each for each in self.pulls if sha in self.git("rev-list", f"{each.base}..{self.head(each)}").split()
        ]
        return Answer(200, [self._pull(each) for each in found])

    # What only GraphQL tells.

    def queried(self, body: dict[str, Any], user: str) -> Answer:
        """Answer a query for a pull request, or for the repository."""
        words, wish = body["query"], body["variables"]
        if not self.has_graphql:
            return failed(403, "Resource not accessible by personal access token")
        if "ueue" in words and not self.knows_queues:
            told = {"message": "Field 'mergeQueue' doesn't exist on type 'Repository'", "path": [], "locations": []}
            return Answer(200, {"errors": [told]})
        if "node(id" in words:
            number = int(wish["id"].removeprefix("PR_"))
            if "timelineItems" in words:
                pull = self.pull(number)
                assert pull is not None
                timeline = {"__typename": "PullRequest", **self._timeline(pull, words)}
                return Answer(200, {"data": {"node": timeline}})
            node = {"isInMergeQueue": number in self.queue, "isMergeQueueEnabled": self.has_queue}
            return Answer(200, {"data": {"node": {"__typename": "PullRequest", **node}}})
        if "mergeQueue" in words:
            sees = self.scopes is not None or "merge_queues" in self.granted
            queue = {"id": "MQ_1"} if self.has_queue and sees else None
            return Answer(200, {"data": {"repository": {"mergeQueue": queue}}})
        rule = None
        if self.guard is not None and self.role != "admin":  # of an administrator nothing is asked
            rule = {
                "requiredApprovingReviewCount": self.guard.approvals or None,
                "requiresSignatures": self.guard.signatures,
            }
        branch = wish["ref"].removeprefix("refs/heads/")
        ref = {"refUpdateRule": rule} if self.branch(branch) else None
        return Answer(
            200,
            {
                "data": {
                    "viewer": {"login": user},
                    "repository": {"autoMergeAllowed": self.allows_auto_merge, "ref": ref},
                }
            },
        )


def failed(status: int, message: str) -> Answer:
    """Return a refusal in GitHub's shape."""
    return Answer(
        status, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    )
