"""A Gitea for tests: statuses, words and shapes as in the source of its API (which is Forgejo's too)."""

from __future__ import annotations

import json
import re
from typing import Any

from fakes.forge import NOW, Comment, Event, Pull
from fakes.gitea_statuses import GiteaStatuses
from fakes.host import Answer, Request

_DRAFT = re.compile(r"(wip:|\[wip\])", re.IGNORECASE)
_PAGE = 50


class FakeGitea(GiteaStatuses):
    """A repository at /api/v1. It takes pull requests without commits between the branches, as the real one does."""

    draft_prefix = "WIP: "
    timeline_page = 50
    """The most entries of a timeline that it gives at once."""

    def denied(self) -> Answer:
        return self._error(401, "invalid username, password or token")

    def answer(self, request: Request, user: str) -> Answer:
        if refused := self.forbidden(request.verb, request.path):
            return refused
        if told := self.told(request.path, user):
            return told
        inner = request.path.removeprefix(f"{self.root}/repos/{self.name}")
        if inner == request.path:
            return self._not_found()
        for verb, pattern, method in _ROUTES:
            if request.verb == verb and (match := re.fullmatch(pattern, inner)):
                pull = self.pull(match["n"]) if "n" in match.groupdict() else None
                if "n" in match.groupdict() and pull is None:
                    return self._not_found()
                answer: Answer = getattr(self, method)(request, user, pull or match)
                return answer
        return self._not_found()

    # Pull requests.

    def _list(self, request: Request, user: str, _: Any) -> Answer:
        state = request.query.get("state", "open")
        found = [
            self._pull(each)
            for each in reversed(self.pulls)
            if state in ("all", "open" if each.state == "open" else "closed")
        ]
        return self._page(request, found)

    def _between(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        """Tell of one pull request from a branch, whichever the database gives first."""
        own = [each for each in self.pulls if not each.fork]
        found = next((each for each in own if (each.base, each.head) == (match["base"], match["head"])), None)
        return Answer(200, self._pull(found)) if found else self._not_found()

    def _create(self, request: Request, user: str, _: Any) -> Answer:
        wish = request.body
        if wish["head"] == wish["base"]:
            return self._error(422, "Invalid PullRequest: There are no changes between the head and the base")
        if not self.branch(wish["head"]) or not self.branch(wish["base"]):
            return self._not_found()
        if same := self.duplicate(wish["base"], wish["head"]):
            words = (
                f"pull request already exists for these targets [id: {same.number}, issue_id: {same.number}, "
                f"head_repo_id: 1, base_repo_id: 1, head_branch: {same.head}, base_branch: {same.base}]"
            )
            return self._error(409, words)
        return Answer(201, self._pull(self.open(wish["head"], wish["base"], wish["title"], wish["body"], user)))

    def _get(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(200, self._pull(pull))

    def _update(self, request: Request, user: str, pull: Pull) -> Answer:
        self.retitle(pull, request.body.get("title") or pull.title, user)
        pull.body = request.body.get("body", pull.body)
        if request.body.get("state") == "closed" and pull.state == "open":
            self.end(pull)
        return Answer(201, self._pull(pull))

    def _merge(self, request: Request, user: str, pull: Pull) -> Answer:
        wish = request.body
        if pull.state == "closed":
            return self._not_found()
        if pull.state == "merged":
            return self._error(405, "")
        if _DRAFT.match(pull.title):
            return self._error(405, "Work in progress PRs cannot be merged")
        if wish.get("merge_when_checks_succeed") and self.is_pending(pull):
            if pull.armed:
                words = f"pull request is already scheduled to auto merge when checks succeed [pull_id: {pull.number}]"
                return self._error(409, words)
            self.enable_auto_merge(pull, user)  # whatever head_commit_id says
            return Answer(201)
        if self.is_pending(pull):
            return self._error(405, "Not all required status checks successful")
        if wish.get("head_commit_id", self.head(pull)) != self.head(pull):
            return self._error(409, "head out of date")
        self.merge(pull, squash=wish["Do"] == "squash")
        return Answer(200)

    def _cancel(self, request: Request, user: str, pull: Pull) -> Answer:
        if pull.armed is None:
            return self._not_found()
        self.disarm(pull, user)
        return Answer(204)

    def _review(self, request: Request, user: str, pull: Pull) -> Answer:
        people, teams = request.body.get("reviewers") or [], request.body.get("team_reviewers") or []
        for name in people:
            if name not in self.people:
                return self._error(404, f"user does not exist [uid: 0, name: {name}]")
            if name == pull.author:
                return self._error(422, "poster of pr can't be reviewer")
        for name in teams:
            if name not in self.teams:
                return self._error(404, f"team does not exist [org_id 1, team_id 0, name: {name}]")
        pull.people += [name for name in people if name not in pull.people]
        pull.teams += [name for name in teams if name not in pull.teams]
        return Answer(201, [])

    # Labels and comments.

    def _labels(self, request: Request, user: str, _: Any) -> Answer:
        return self._page(request, [self._label(name) for name in self.labels])

    def _make_label(self, request: Request, user: str, _: Any) -> Answer:
        if not re.fullmatch("#?[0-9a-fA-F]{6}", request.body["color"]):
            return self._error(422, "bad colour code")
        self.labels.append(request.body["name"])
        return Answer(201, self._label(request.body["name"]))

    def _put_labels(self, request: Request, user: str, pull: Pull) -> Answer:
        names = [name for name in self.labels if self._label(name)["id"] in request.body["labels"]]
        pull.labels += [name for name in names if name not in pull.labels]
        return Answer(200, [self._label(name) for name in pull.labels])

    def _comments(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(200, [self._comment(each) for each in pull.comments])

    def _timeline(self, request: Request, user: str, pull: Pull) -> Answer:
        """Give a page of the timeline. There is no link to the next one, and the total is that of the page."""
        entries = [{"type": "comment", "body": each.body} for each in pull.comments]
        entries += [entry for each in self.timeline(pull) if (entry := _entry(each))]
        numbered = [{"id": number, "user": {"login": "ada"}, **each} for number, each in enumerate(entries, 1)]
        size = min(int(request.query.get("limit", 50)), self.timeline_page)
        start = (int(request.query.get("page", 1)) - 1) * size
        return Answer(200, numbered[start : start + size])

    def _say(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(201, self._comment(self.say(pull, user, request.body["body"])))

    def _edit_comment(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        found = self.comment(match["c"])
        if found is None:
            return self._not_found()
        found[1].body = request.body["body"]
        return Answer(200, self._comment(found[1]))

    # Shapes.

    def _pull(self, pull: Pull) -> dict[str, Any]:
        is_there = bool(self.branch(pull.head))
        sides = [
            {"label": pull.head, "ref": pull.head if is_there else f"refs/pull/{pull.number}/head",
             "sha": self.head(pull), "repo_id": 2 if pull.fork else 1},
            {"label": pull.base, "ref": pull.base, "sha": self.branch(pull.base), "repo_id": 1},
        ]  # fmt: skip
        merged = pull.state == "merged"
        return {
            "id": pull.number, "number": pull.number, "title": pull.title, "body": pull.body,
            "user": {"id": 1, "login": pull.author}, "labels": [self._label(name) for name in pull.labels],
            "state": "open" if pull.state == "open" else "closed", "draft": bool(_DRAFT.match(pull.title)),
            "merged": merged, "merge_commit_sha": pull.merge_sha if merged else None,
            "closed_at": None if pull.state == "open" else pull.closed_at or NOW,
            "merged_at": (pull.merged_at or NOW) if merged else None, "created_at": NOW, "updated_at": NOW,
            "html_url": f"{self.url}/{self.name}/pulls/{pull.number}", "head": sides[0], "base": sides[1],
            "requested_reviewers": [{"id": 1, "login": name} for name in pull.people],
        }  # fmt: skip

    def _label(self, name: str) -> dict[str, Any]:
        return {"id": self.labels.index(name) + 1, "name": name, "color": "b60205", "description": ""}

    def _comment(self, comment: Comment) -> dict[str, Any]:
        return {"id": comment.number, "body": comment.body, "user": {"id": 1, "login": comment.author}}

    def _page(self, request: Request, found: list[dict[str, Any]]) -> Answer:
        page, size = int(request.query.get("page", 1)), min(int(request.query.get("limit", 30)), _PAGE)
        start = (page - 1) * size
        more = {"Link": f'<{self.url}{request.path}?page={page + 1}>; rel="next"'} if start + size < len(found) else {}
        return Answer(200, found[start : start + size], more)


_ROUTES = (
    ("GET", "", "_show"),
    ("GET", "/branches/(?P<b>.+)", "_branch"),
    ("GET", "/branch_protections/(?P<r>.+)", "_rule"),
    ("GET", "/commits/(?P<c>[^/]+)/pull", "_brought_by"),
    ("GET", "/statuses/(?P<c>[^/]+)", "_show_statuses"),
    ("POST", "/statuses/(?P<c>[^/]+)", "_set_status"),
    ("GET", "/pulls", "_list"),
    ("POST", "/pulls", "_create"),
    ("GET", r"/pulls/(?P<n>\d+)", "_get"),
    ("PATCH", r"/pulls/(?P<n>\d+)", "_update"),
    ("POST", r"/pulls/(?P<n>\d+)/merge", "_merge"),
    ("DELETE", r"/pulls/(?P<n>\d+)/merge", "_cancel"),
    ("POST", r"/pulls/(?P<n>\d+)/requested_reviewers", "_review"),
    ("GET", r"/pulls/(?P<base>[^/]+)/(?P<head>.+)", "_between"),
    ("GET", "/labels", "_labels"),
    ("POST", "/labels", "_make_label"),
    ("POST", r"/issues/(?P<n>\d+)/labels", "_put_labels"),
    ("GET", r"/issues/(?P<n>\d+)/timeline", "_timeline"),
    ("GET", r"/issues/(?P<n>\d+)/comments", "_comments"),
    ("POST", r"/issues/(?P<n>\d+)/comments", "_say"),
    ("PATCH", r"/issues/comments/(?P<c>\d+)", "_edit_comment"),
)


def _entry(event: Event) -> dict[str, Any] | None:
    """Return an event as an entry of a timeline; None if Gitea keeps no such entry."""
    match event.kind:
        case "title":
            return {"type": "change_title", "body": "", "old_title": event.old, "new_title": event.new}
        case "arm":
            return {"type": "pull_scheduled_merge", "body": ""}
        case "disarm":
            return {"type": "pull_cancel_scheduled_merge", "body": event.reason}
        case "push":
            push = {"is_force_push": event.forced, "commit_ids": [event.old, event.new][0 if event.forced else 1 :]}
            return {"type": "pull_push", "body": json.dumps(push)}
    return None
