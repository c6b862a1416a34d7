"""A GitHub for tests: its statuses and words are those of api.github.com, its shapes those of GitHub's OpenAPI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fakes.forge import Event, Pull
from fakes.github_standing import failed
from fakes.github_statuses import GitHubStatuses
from fakes.host import Answer, Request

_MUTATION = re.compile(r"\{ (\w+)\(input: \$input\)")


class FakeGitHub(GitHubStatuses):
    """As an Enterprise serves it: REST below /api/v3, GraphQL at /api/graphql."""

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.allows_auto_merge = True
        self.has_drafts = True
        self.app_tokens = 0
        self.is_unstable = False
        """Is a check that is not required still pending?"""

    def denied(self) -> Answer:
        return failed(401, "Bad credentials")

    def user(self, headers: dict[str, str]) -> str | None:
        """An App shows a JWT, which is three parts; the test that mints one verifies it."""
        shown = headers.get("authorization", "")
        return "app" if re.fullmatch(r"Bearer [\w-]+\.[\w-]+\.[\w-]+", shown) else super().user(headers)

    def answer(self, request: Request, user: str) -> Answer:
        if request.path == "/api/graphql":
            return self._graphql(request.body, user)
        path = request.path.removeprefix(self.root)
        if path == "/app/installations/7/access_tokens" and user == "app":
            self.app_tokens += 1
            self.tokens["ghs_of-the-app"] = "release-app[bot]"
            return Answer(201, {"token": "ghs_of-the-app", "expires_at": "2036-11-20T11:20:00Z"})
        inner = path.removeprefix(f"/repos/{self.name}")
        if user == "app" and inner == "/installation":
            return Answer(200, self._installation())
        if user != "app" and inner != path and (refused := self.forbidden(request.verb, inner)):
            return refused
        if inner == path or user == "app":
            return failed(404, "Not Found")
        for verb, pattern, method in _ROUTES:
            if request.verb == verb and (match := re.fullmatch(pattern, inner)):
                pull = self.pull(match["n"]) if "n" in match.groupdict() else None
                if "n" in match.groupdict() and pull is None:
                    return failed(404, "Not Found")
                answer: Answer = getattr(self, method)(request, user, pull or match)
                return self.stamped(answer)
        return failed(404, "Not Found")

    # Pull requests.

    def _list(self, request: Request, user: str, _: Any) -> Answer:
        query = request.query
        owner, _, head = query.get("head", "").partition(":")
        found = [
            self._pull(each)
            for each in reversed(self.pulls)
            if query.get("state", "open") in ("all", "open" if each.state == "open" else "closed")
            and (not head or (each.head == head and (owner == self.name.partition("/")[0]) != each.fork))
            and query.get("base", each.base) == each.base
        ]
        return Answer(200, found)

    def _create(self, request: Request, user: str, _: Any) -> Answer:
        wish, head = request.body, request.body["head"].rpartition(":")[2]
        if wish.get("draft") and not self.has_drafts:
            return failed(422, "Draft pull requests are not supported in this repository.")
        for name, branch in (("base", wish["base"]), ("head", head)):
            if not self.branch(branch):
                return _invalid({"resource": "PullRequest", "field": name, "code": "invalid"})
        if not self.ahead(wish["base"], head):
            return _invalid(_custom(f"No commits between {wish['base']} and {head}"))
        if self.duplicate(wish["base"], head):
            return _invalid(_custom(f"A pull request already exists for {self.name.partition('/')[0]}:{head}."))
        if len(wish.get("body") or "") > 65_536:
            return _invalid(
                {"resource": "PullRequest", "code": "custom", "field": "body", "message": "body is too long"}
            )
        made = self.open(
            head, wish["base"], wish["title"], wish.get("body") or "", user, draft=wish.get("draft", False)
        )
        return Answer(201, self._pull(made, whole=True))

    def _get(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(200, self._pull(pull, whole=True))

    def _edit(self, request: Request, user: str, pull: Pull) -> Answer:
        wish = request.body
        self.retitle(pull, wish.get("title", pull.title), user)
        pull.body = wish.get("body", pull.body)
        if wish.get("state") == "closed" and pull.state == "open":
            if pull.armed:
                self.disarm(pull, user, "pull_request_closed")
            self.end(pull)
        return Answer(200, self._pull(pull, whole=True))

    def _label(self, request: Request, user: str, pull: Pull) -> Answer:
        if any(len(name) > 50 for name in request.body):
            return _invalid(_custom("name is too long (maximum is 50 characters)"))
        pull.labels += [name for name in request.body if name not in pull.labels]
        return Answer(200, [self._a_label(name) for name in pull.labels])

    def _review(self, request: Request, user: str, pull: Pull) -> Answer:
        people, teams = request.body.get("reviewers", []), request.body.get("team_reviewers", [])
        if not set(people) <= set(self.people):
            words = (
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is "
                f"not a collaborator of the {self.name} repository."
            )
            return failed(422, words)
        if not set(teams) <= set(self.teams):
            return failed(422, "Could not resolve to a node with the global id of ''.")
        if pull.author in people:
            return failed(422, "Review cannot be requested from pull request author.")
        pull.people += [name for name in people if name not in pull.people]
        pull.teams += [name for name in teams if name not in pull.teams]
        return Answer(201, self._pull(pull))

    def _merge(self, request: Request, user: str, pull: Pull) -> Answer:
        if pull.state != "open" or pull.draft:
            return failed(405, "Pull Request is not mergeable")
        if request.body.get("sha", self.head(pull)) != self.head(pull):
            return failed(409, "Head branch was modified. Review and try the merge again.")
        if self.has_queue:
            return failed(405, "Repository rule violations found\n\nChanges must be made through the merge queue")
        if self.is_pending(pull):
            return failed(405, f'Required status check "{self.expected(pull)}" is expected.')
        sha = self.merge(pull, squash=request.body.get("merge_method") == "squash")
        return Answer(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    # Comments.

    def _comments(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(200, [self._comment(pull, each) for each in pull.comments])

    def _say(self, request: Request, user: str, pull: Pull) -> Answer:
        return Answer(201, self._comment(pull, self.say(pull, user, request.body["body"])))

    def _edit_comment(self, request: Request, user: str, match: re.Match[str]) -> Answer:
        found = self.comment(match["c"])
        if found is None:
            return failed(404, "Not Found")
        found[1].body = request.body["body"]
        return Answer(200, self._comment(*found))

    # GraphQL.

    def _graphql(self, body: dict[str, Any], user: str) -> Answer:
        if not (found := _MUTATION.search(body["query"])):
            return self.queried(body, user)
        if {self.may("pull_requests"), self.may("contents")} != {"write"}:
            return _said("Resource not accessible by personal access token", "FORBIDDEN")
        wish = body["variables"]["input"]
        pull = next((each for each in self.pulls if wish["pullRequestId"] == f"PR_{each.number}"), None)
        if pull is None:
            return _said(f"Could not resolve to a node with the global id of '{wish['pullRequestId']}'", "NOT_FOUND")
        if wish.get("expectedHeadOid", self.head(pull)) != self.head(pull):
            return _said(f"Head sha didn't match: expected {wish['expectedHeadOid']}")
        name = found[1]
        done: dict[str, Any] = {"clientMutationId": None}
        if name == "markPullRequestReadyForReview":
            self.convert(pull, draft=False, by=user)
            done["pullRequest"] = {"isDraft": False}
        elif name == "enqueuePullRequest" and self.has_queue:
            if pull.number in self.queue:
                return _said("Pull request is already in the merge queue")
            if self.is_pending(pull):
                return _said(f'Pull request Required status check "{self.expected(pull)}" is expected.')
            self.queue.append(pull.number)
            pull.events.append(Event("queue", user))
            done["mergeQueueEntry"] = {"position": len(self.queue)}
        elif name == "enablePullRequestAutoMerge":
            if pull.draft:
                return _said("Pull request is in draft state")
            if not self.allows_auto_merge:
                return _said("Auto merge is not allowed for this repository")
            if not self.is_pending(pull) and not (self.has_queue and self.knows_queues):
                return _said(f"Pull request Pull request is in {'unstable' if self.is_unstable else 'clean'} status")
            if self.is_pending(pull):  # a queue is added to when checks pass, and never else: that is said of it
                self.enable_auto_merge(pull, user)
            done["actor"] = {"avatarUrl": "", "login": "release-bot", "resourcePath": "/", "url": self.url}
        else:
            return _said("Pull request is not in a merge queue")
        return Answer(200, {"data": {name: done}})


_ROUTES = (
    ("GET", "", "_show"),
    ("GET", "/branches/(?P<b>[^/]+)", "_branch"),
    ("GET", "/branches/(?P<b>[^/]+)/protection", "_protection"),
    ("GET", "/rules/branches/(?P<b>[^/]+)", "_rules"),
    ("GET", "/commits/(?P<c>[^/]+)/pulls", "_brought_by"),
    ("GET", "/commits/(?P<c>[^/]+)/status", "_show_statuses"),
    ("POST", "/statuses/(?P<c>[^/]+)", "_set_status"),
    ("POST", "/git/refs", "_make_ref"),
    ("GET", "/pulls", "_list"),
    ("POST", "/pulls", "_create"),
    ("GET", r"/pulls/(?P<n>\d+)", "_get"),
    ("PATCH", r"/pulls/(?P<n>\d+)", "_edit"),
    ("POST", r"/pulls/(?P<n>\d+)/requested_reviewers", "_review"),
    ("PUT", r"/pulls/(?P<n>\d+)/merge", "_merge"),
    ("POST", r"/issues/(?P<n>\d+)/labels", "_label"),
    ("GET", r"/issues/(?P<n>\d+)/comments", "_comments"),
    ("POST", r"/issues/(?P<n>\d+)/comments", "_say"),
    ("PATCH", r"/issues/comments/(?P<c>\d+)", "_edit_comment"),
)


def _invalid(*errors: dict[str, Any]) -> Answer:
    shape = {
        "message": "Validation Failed",
        "errors": list(errors),
        "documentation_url": "https://docs.github.com/rest",
    }
    return Answer(422, shape)


def _custom(message: str) -> dict[str, Any]:
    return {"resource": "PullRequest", "code": "custom", "message": message}


def _said(message: str, kind: str = "UNPROCESSABLE") -> Answer:
    return Answer(200, {"data": None, "errors": [{"type": kind, "message": message, "path": [], "locations": []}]})
