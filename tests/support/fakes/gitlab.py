"""A GitLab for tests: statuses, words and shapes as in its API documentation and the source of its merge endpoint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fakes.forge import NOW, Comment, Event, Pull
from fakes.gitlab_statuses import GitLabStatuses
from fakes.host import Answer, Request

_DRAFT = re.compile(r"(draft:|\[draft\]|\(draft\))", re.IGNORECASE)
_STATES = {"open": "opened", "closed": "closed", "merged": "merged"}


class FakeGitLab(GitLabStatuses):
    """A project at /api/v4. ``checks``: its pipeline is running (pending), has passed (success), or there is none."""

    draft_prefix = "Draft: "

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.most_reviewers = 10
        self.status: list[str] = []
        """What `detailed_merge_status` says first, one at a time; then it follows from the state."""

    def denied(self) -> Answer:
        return Answer(401, {"message": "401 Unauthorized"})

    def answer(self, request: Request, user: str) -> Answer:
        path = request.path.removeprefix(self.root)
        if refused := self.forbidden(request.verb, path):
            return refused
        if path == "/users":
            return Answer(200, [self._person(name) for name in self.people if name == request.query.get("username")])
        if told := self.told(path, user):
            return told
        inner = path.removeprefix(f"/projects/{self.name}")
        if inner == path:
            return Answer(404, {"message": "404 Project Not Found"})
        for verb, pattern, method in _ROUTES:
            if request.verb == verb and (match := re.fullmatch(pattern, inner)):
                pull = self.pull(match["n"]) if "n" in match.groupdict() else None
                if "n" in match.groupdict() and pull is None:
                    return Answer(404, {"message": "404 Not found"})
                answer: Answer = getattr(self, method)(request, user, pull or match)
                return answer
        return Answer(404, {"error": "404 Not Found"})

    # Merge requests.

    def _list(self, request: Request, user: str, _: Any) -> Answer:
        query = request.query
        found = [
            self._merge_request(each)
            for each in reversed(self.pulls)
            if query.get("state", "all") in ("all", _STATES[each.state])
            and query.get("source_branch", each.head) == each.head
            and query.get("target_branch", each.base) == each.base
        ]
        return Answer(200, found)

    def _create(self, request: Request, user: str, _: Any) -> Answer:
        wish = request.body
        missing = [name for name in ("source_branch", "target_branch", "title") if not wish.get(name)]
        if missing:
            return Answer(400, {"error": f"{missing[0]} is missing"})
        head, base = wish["source_branch"], wish["target_branch"]
        if same := self.duplicate(base, head):
            words = f"Another open merge request already exists for this source branch: !{same.number}"
            return Answer(409, {"message": [words]})
        for name, branch in (("Source", head), ("Target", base)):
            if not self.branch(branch):
                return Answer(400, {"message": {"base": [f'{name} branch "{branch}" does not exist']}})
        if len(wish["title"]) > 255:
            return Answer(400, {"message": {"title": ["is too long (maximum is 255 characters)"]}})
        made = self.open(head, base, wish["title"], wish.get("description") or "", user)
        return Answer(201, self._merge_request(made))

    def _get(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(200, self._merge_request(pull, whole=True))

    def _update(self, request: Request, user: str, pull: Pull) -> Answer:
        wish = request.body
        self.retitle(pull, wish.get("title", pull.title), user)
        pull.body = wish.get("description", pull.body)
        if wish.get("state_event") == "close" and pull.state == "open":
            if pull.armed:
                self.disarm(pull, user, "merge request was closed")
            self.end(pull)
        added = [name for name in wish.get("add_labels", "").split(",") if name]
        pull.labels += [name for name in added if name not in pull.labels]
        if "reviewer_ids" in wish:
            names = [name for name in self.people if self._person(name)["id"] in wish["reviewer_ids"]]
            pull.people = names[: self.most_reviewers]
        return Answer(200, self._merge_request(pull, whole=True))

    def _merge(self, request: Request, user: str, pull: Pull) -> Answer:
        wish = request.body
        if wish.get("sha", self.head(pull)) != self.head(pull):
            return Answer(409, {"message": f"SHA does not match HEAD of source branch: {self.head(pull)}"})
        mergeable = (
            pull.state == "open" and not _DRAFT.match(pull.title) and self._detailed(pull) in ("mergeable", "ci")
        )
        pipeline = self.pipeline(pull)
        auto = wish.get("auto_merge") or wish.get("merge_when_pipeline_succeeds")
        if auto and mergeable and pipeline == "running":
            self.enable_auto_merge(pull, user)
            return Answer(200, self._merge_request(pull, whole=True))
        if not mergeable or pipeline in ("running", "failed") or (auto and pipeline != "success"):
            return Answer(405, {"message": "405 Method Not Allowed"})
        self.merge(pull)
        return Answer(200, self._merge_request(pull, whole=True))

    def _cancel(self, request: Request, user: str, pull: Pull) -> Answer:
        if pull.state != "open":
            return Answer(405, {"message": "405 Method Not Allowed"})
        if pull.armed is None:
            return Answer(406, {"message": "406 Not Acceptable"})
        self.disarm(pull, user)
        return Answer(201, self._merge_request(pull, whole=True))

    # Notes.

    def _notes(self, request: Request, user: str, pull: Pull) -> Answer:
        system = self._note(Comment(9999, user, "requested review from @ada")) | {"system": True}
        events = [each for event in self.timeline(pull) for each in self._system_notes(event)]
        notes = [system, *events, *map(self._note, pull.comments)]
        return Answer(200, notes if request.query.get("sort") == "asc" else notes[::-1])

    def _say(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(201, self._note(self.say(pull, user, request.body["body"])))

    def _edit_note(self, request: Request, user: str, _: Any) -> Answer:
        found = self.comment(request.path.rpartition("/")[2])
        if found is None:
            return Answer(404, {"message": "404 Not found"})
        found[1].body = request.body["body"]
        return Answer(200, self._note(found[1]))

    # Shapes.

    def _detailed(self, pull: Pull) -> str:
        if self.status:
            return self.status[0]
        if pull.state == "open" and self.required and self.pipeline(pull) in (None, "failed"):
            return "ci_must_pass"
        return "not_open" if pull.state != "open" else "draft_status" if _DRAFT.match(pull.title) else "mergeable"

    def _merge_request(self, pull: Pull, *, whole: bool = False) -> dict[str, Any]:
        draft = bool(_DRAFT.match(pull.title))
        shape = {
            "id": 1000 + pull.number, "iid": pull.number, "project_id": 1, "title": pull.title,
            "description": pull.body, "state": _STATES[pull.state], "created_at": NOW, "updated_at": NOW,
            "merged_at": (pull.merged_at or NOW) if pull.state == "merged" else None,
            "closed_at": (pull.closed_at or NOW) if pull.state == "closed" else None,
            "source_branch": pull.head, "target_branch": pull.base, "source_project_id": 2 if pull.fork else 1,
            "target_project_id": 1, "draft": draft, "work_in_progress": draft, "labels": list(pull.labels),
            "author": self._person(pull.author), "assignees": [], "sha": self.head(pull),
            "reviewers": [self._person(name) for name in pull.people], "squash_commit_sha": None,
            "merge_commit_sha": pull.merge_sha, "merge_when_pipeline_succeeds": pull.armed is not None,
            "detailed_merge_status": self._detailed(pull),
            "web_url": f"{self.url}/{self.name}/-/merge_requests/{pull.number}",
        }  # fmt: skip
        if whole:
            status = self.pipeline(pull)
            shape["head_pipeline"] = {"id": 1, "status": status} if status else None
            if self.status:
                self.status.pop(0)
        return shape

    def _system_notes(self, event: Event) -> list[dict[str, Any]]:
        """Return what GitLab notes of an event, oldest first."""
        return [self._note(Comment(5000, event.author, words)) | {"system": True} for words in _words(event)]

    def _note(self, comment: Comment) -> dict[str, Any]:
        author = self._person(comment.author)
        return {"id": comment.number, "body": comment.body, "author": author, "system": False, "created_at": NOW}


_ROUTES = (
    ("GET", "", "_show"),
    ("GET", "/repository/branches/(?P<b>.+)", "_branch"),
    ("GET", "/repository/commits/(?P<c>[^/]+)/merge_requests", "_brought_by"),
    ("GET", r"/members/all/(?P<m>\d+)", "_member"),
    ("GET", "/protected_branches", "_protected_branches"),
    ("GET", "/approval_rules", "_approval_rules"),
    ("GET", "/push_rule", "_push_rule"),
    ("GET", "/merge_requests", "_list"),
    ("POST", "/merge_requests", "_create"),
    ("GET", r"/merge_requests/(?P<n>\d+)", "_get"),
    ("PUT", r"/merge_requests/(?P<n>\d+)", "_update"),
    ("PUT", r"/merge_requests/(?P<n>\d+)/merge", "_merge"),
    ("GET", r"/merge_requests/(?P<n>\d+)/pipelines", "_pipelines"),
    ("GET", "/repository/commits/(?P<c>[^/]+)/statuses", "_show_statuses"),
    ("POST", "/statuses/(?P<c>[^/]+)", "_set_status"),
    ("POST", r"/merge_requests/(?P<n>\d+)/cancel_merge_when_pipeline_succeeds", "_cancel"),
    ("GET", r"/merge_requests/(?P<n>\d+)/notes", "_notes"),
    ("POST", r"/merge_requests/(?P<n>\d+)/notes", "_say"),
    ("PUT", r"/merge_requests/(?P<n>\d+)/notes/\d+", "_edit_note"),
)


def _words(event: Event) -> list[str]:
    """Return the texts of the system notes of an event, as app/services/system_notes/ of GitLab's source has them."""
    match event.kind:
        case "title":
            was, is_ = (_DRAFT.match(each) is not None for each in (event.old, event.new))
            marked = [f"marked this merge request as **{'draft' if is_ else 'ready'}**"] if was != is_ else []
            return [f"changed title from **{event.old}** to **{event.new}**", *marked]
        case "arm":
            return ["enabled an automatic merge when all merge checks for 1234abcd pass"]
        case "disarm" if event.reason:
            return [f"aborted the automatic merge because {event.reason}"]
        case "disarm":
            return ["canceled the automatic merge"]
        case "push":
            return [f"added 1 commit\n\n<ul><li>{event.new[:8]} - Roll back</li></ul>\n\n[Compare](/compare)"]
    return []
