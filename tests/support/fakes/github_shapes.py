"""The objects of GitHub's API, whole: as many fields as its OpenAPI asks for."""

from __future__ import annotations

import re
from typing import Any

from fakes.forge import NOW, Comment, Event, ForgeHost, Pull

_USER_URLS = ("avatar", "html", "followers", "following", "gists", "starred", "subscriptions", "organizations")
_REPOSITORY_URLS = (
    *("html", "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare"),
    *("contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags"),
    *("hooks", "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones"),
    *("notifications", "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams"),
    "trees",
)
_LINKS = ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self")


class GitHubShapes(ForgeHost):
    """What a host has, as GitHub shows it."""

    root = "/api/v3"
    granted: dict[str, str]

    def _pull(self, pull: Pull, *, whole: bool = False) -> dict[str, Any]:
        above, html = f"{self.url}{self.root}/repos/{self.name}", f"{self.url}/{self.name}"
        url, issue = f"{above}/pulls/{pull.number}", f"{above}/issues/{pull.number}"
        merged = pull.state == "merged"
        shape = {
            "id": pull.number, "node_id": f"PR_{pull.number}", "number": pull.number, "title": pull.title,
            "body": pull.body, "state": "open" if pull.state == "open" else "closed", "draft": pull.draft,
            "locked": False, "user": self._user(pull.author), "assignee": None, "milestone": None,
            "labels": [self._a_label(name) for name in pull.labels], "author_association": "CONTRIBUTOR",
            "created_at": NOW, "updated_at": NOW, "closed_at": None if pull.state == "open" else pull.closed_at or NOW,
            "merged_at": (pull.merged_at or NOW) if merged else None,
            "merge_commit_sha": pull.merge_sha or (self.branch(pull.base) if pull.state == "open" else None),
            "head": self._side(pull.head, self.head(pull)), "base": self._side(pull.base, self.branch(pull.base)),
            "auto_merge": self._auto_merge() if pull.armed else None,
            "requested_reviewers": [self._user(name) for name in pull.people],
            "url": url, "html_url": f"{html}/pull/{pull.number}", "issue_url": issue, "statuses_url": url,
            "diff_url": url, "patch_url": url, "comments_url": f"{issue}/comments", "commits_url": url,
            "review_comment_url": url, "review_comments_url": url, "_links": {name: {"href": url} for name in _LINKS},
        }  # fmt: skip
        if whole:
            clean = pull.state == "open" and not self.is_pending(pull)
            shape |= {
                "merged": merged, "merged_by": self._user("ada") if merged else None, "mergeable": clean or None,
                "mergeable_state": "clean" if clean else "blocked", "maintainer_can_modify": False, "comments": 0,
                "review_comments": 0, "commits": 1, "additions": 1, "deletions": 1, "changed_files": 1,
            }  # fmt: skip
        return shape

    def _timeline(self, pull: Pull, words: str) -> dict[str, Any]:
        """Return the items of the types that a query asks for."""
        wanted = set(re.findall(r"[A-Z_]+_EVENT", words))
        items = [shape for each in self.timeline(pull) if (shape := _item(each))]
        nodes = [each for each in items if re.sub("(?<=[a-z])(?=[A-Z])", "_", each["__typename"]).upper() in wanted]
        return {"headRefOid": self.head(pull), "timelineItems": {"nodes": nodes[-100:]}}

    def _auto_merge(self) -> dict[str, Any]:
        by = self._user("release-bot")
        return {"enabled_by": by, "merge_method": "merge", "commit_title": "", "commit_message": ""}

    def _side(self, ref: str, sha: str) -> dict[str, Any]:
        owner = self.name.partition("/")[0]
        return {
            "label": f"{owner}:{ref}", "ref": ref, "sha": sha, "user": self._user(owner), "repo": self._repository(),
        }  # fmt: skip

    def _repository(self) -> dict[str, Any]:
        owner, _, name = self.name.partition("/")
        url = f"{self.url}{self.root}/repos/{self.name}"
        return {
            "id": 1, "node_id": "R_1", "name": name, "full_name": self.name, "owner": self._user(owner),
            "description": None, "homepage": None, "language": None, "mirror_url": None, "license": None,
            "default_branch": "main", "created_at": NOW, "updated_at": NOW, "pushed_at": NOW, "url": url,
            "clone_url": self.clone_url, "git_url": url, "ssh_url": url, "svn_url": url,
            **{f"{each}_url": url for each in _REPOSITORY_URLS},
            **dict.fromkeys(("private", "fork", "archived", "disabled", "has_pages", "has_projects"), False),
            **dict.fromkeys(("has_issues", "has_wiki", "has_downloads"), True),
            **dict.fromkeys(
                ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers"), 0
            ),
            "watchers_count": 0,
        }  # fmt: skip

    def _user(self, login: str) -> dict[str, Any]:
        url = f"{self.url}{self.root}/users/{login}"
        return {
            "login": login, "id": 1, "node_id": "U_1", "gravatar_id": "", "type": "User", "site_admin": False,
            "url": url, "repos_url": url, "events_url": url, "received_events_url": url,
            **{f"{each}_url": url for each in _USER_URLS},
        }  # fmt: skip

    def _a_label(self, name: str) -> dict[str, Any]:
        return {
            "id": 1, "node_id": "L_1", "url": self.url, "name": name, "description": "", "color": "ededed",
            "default": False,
        }  # fmt: skip

    def _comment(self, pull: Pull, comment: Comment) -> dict[str, Any]:
        url = f"{self.url}{self.root}/repos/{self.name}/issues/comments/{comment.number}"
        return {
            "id": comment.number, "node_id": f"IC_{comment.number}", "body": comment.body, "url": url, "html_url": url,
            "issue_url": url, "user": self._user(comment.author), "created_at": NOW, "updated_at": NOW,
            "author_association": "CONTRIBUTOR",
        }  # fmt: skip

    def _installation(self) -> dict[str, Any]:
        return {
            "id": 7, "app_id": 1, "app_slug": "release", "target_id": 1, "target_type": "Organization",
            "single_file_name": None, "repository_selection": "all", "html_url": self.url, "events": [],
            "access_tokens_url": f"{self.url}{self.root}/app/installations/7/access_tokens",
            "repositories_url": self.url, "account": self._user("acme"), "permissions": self.granted,
            "created_at": NOW, "updated_at": NOW, "suspended_by": None, "suspended_at": None,
        }  # fmt: skip

    def _commit(self, sha: str) -> dict[str, Any]:
        url, who = f"{self.url}{self.root}/repos/{self.name}/commits/{sha}", {"name": "", "email": "", "date": NOW}
        tree, parents = self.git("rev-parse", f"{sha}^{{tree}}"), self.git("rev-parse", f"{sha}^@").split()
        message = self.git("log", "-1", "--format=%B", sha)
        return {
            "sha": sha, "node_id": f"C_{sha}", "url": url, "html_url": url, "comments_url": url, "author": None,
            "committer": None, "parents": [{"sha": each, "url": url} for each in parents],
            "commit": {"url": url, "author": who, "committer": who, "message": message,
                       "comment_count": 0, "tree": {"sha": tree, "url": url}},
        }  # fmt: skip


def _item(event: Event) -> dict[str, Any] | None:
    """Return an event as an item of a timeline; None if GitHub keeps no such item."""
    match event.kind:
        case "push" if event.forced:
            return {"__typename": "HeadRefForcePushedEvent", "afterCommit": {"oid": event.new}}
        case "disarm":
            return {"__typename": "AutoMergeDisabledEvent", "reasonCode": event.reason or "manually_disabled"}
        case "dequeue":
            return {"__typename": "RemovedFromMergeQueueEvent", "reason": event.reason or "manual"}
    names = {
        "draft": "ConvertToDraftEvent",
        "ready": "ReadyForReviewEvent",
        "arm": "AutoSquashEnabledEvent",
        "queue": "AddedToMergeQueueEvent",
    }
    return {"__typename": names[event.kind]} if event.kind in names else None
