"""Gitea and Forgejo speak one API. What is needed of it is a dozen requests, which no kept client for Python has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from requests import Response
from requests.exceptions import RequestException

from rollout_spec.change import Change, PullRequest
from rollout_spec.errors import UserError
from rollout_spec.forges import wording
from rollout_spec.forges.access import Access, need_token
from rollout_spec.forges.transport import TIMEOUT, Refused, ensure, refusal, session, unreachable, useless

LONGEST_BODY = 1_000_000
LONGEST_LABEL = 50
PERMISSIONS = "the token needs the scopes `write:repository` and `write:issue`, and its owner the right to write here"
_DRAFT = re.compile(r"\A\s*(wip:|\[wip\])\s*", re.IGNORECASE)
_COLOR = "#b60205"


class Api:
    """The requests to one repository; paths are below it."""

    def __init__(self, address: str, repository: str, token: str) -> None:
        self._root = f"{address}/api/v1/repos/{quote(repository)}"
        self._token = token
        self._session = session(token)

    def ask(self, action: str, verb: str, path: str, **options: Any) -> Response:
        """Send one request. Refused where the answer is no success."""
        url = path if "://" in path else self._root + path
        try:
            answer = self._session.request(verb, url, timeout=TIMEOUT, **options)
        except (RequestException, OSError) as error:
            raise unreachable("gitea", action, error, secret=self._token) from None
        if answer.ok:
            return answer
        raise refusal("gitea", action, answer.status_code, _words(answer), secret=self._token, needs=PERMISSIONS)

    def read(self, action: str, verb: str, path: str, **options: Any) -> dict[str, Any]:
        """Send one request, and return the object that it is answered with."""
        found: dict[str, Any] = _json(action, self.ask(action, verb, path, **options), dict)
        return found

    def each(self, action: str, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Give what all pages of a list hold. A next page is asked for on the same server, and nowhere else."""
        page = 1
        while True:
            answer = self.ask(action, "GET", path, params={**query, "page": page, "limit": 50})
            listed = _json(action, answer, list)
            yield from listed
            if not listed or "next" not in answer.links:
                return
            page += 1


class Gitea:
    """Pull requests of one repository."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @classmethod
    def connect(cls, access: Access) -> Gitea:
        """Return the forge; nothing is asked yet."""
        if access.project().count("/") != 1:
            raise UserError(f"`{access.project()}` is no repository here", hint="`forge.repository` is OWNER/NAME")
        return cls(Api(access.address("gitea"), access.project(), need_token("gitea")))

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch of this repository, and of no fork.

        Gitea tells of one for two branches. Where that is not open, a newer one may be: then all are looked through.
        """
        action, path = "list pull requests", f"/pulls/{quote(base, safe='')}/{quote(head)}"
        try:
            known = _read(self._api.read(action, "GET", path))
        except Refused as error:
            if error.code != 404:
                raise
            self._api.read("show the repository", "GET", "")  # is it the repository that is not there?
            return None
        if known.state == "open":
            return known
        listed = self._api.each(action, "/pulls", state="all", sort="newest")
        return wording.newest(_read(each) for each in listed if _is_from(each, head, base)) or known

    def ensure(self, change: Change, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one where there is none."""
        return ensure(
            change,
            base,
            find=self.find,
            begin=lambda: self._open(change, base),
            ready=self._ready,
            taken=lambda refused: refused.code == 409,
        )

    def mark(self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]) -> tuple[str, ...]:
        """Ask for reviews and label; labels that are not there are made."""
        wanted = [label[:LONGEST_LABEL] for label in labels]
        if wanted and set(wanted) <= set(pull.labels):
            return ()
        notes = tuple(note for name in reviewers if (note := self._ask_for_review(pull, name)))
        if wanted:
            known = {each["name"]: each["id"] for each in self._api.each("list the labels", "/labels")}
            ids = [known.get(name) or self._make_label(name) for name in wanted]
            self._api.ask("label the pull request", "POST", f"/issues/{pull.number}/labels", json={"labels": ids})
        return notes

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it where it says something else."""
        action, path = "take the comment", f"/issues/{pull.number}/comments"
        wanted = wording.body(wording.marked(text, key), LONGEST_BODY)
        listed = _json(action, self._api.ask(action, "GET", path), list)  # this list has no pages
        for each in listed:
            if wording.marker(key) in each["body"]:
                if not wording.same(each["body"], wanted):
                    self._api.ask(action, "PATCH", f"/issues/comments/{each['id']}", json={"body": wanted})
                return
        self._api.ask(action, "POST", path, json={"body": wanted})

    def arm(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Let Gitea merge when checks succeed; it merges at once where they have.

        A scheduled merge does not look at ``head_commit_id``, so that the head is compared here.
        """
        now = self._api.read("show the pull request", "GET", f"/pulls/{pull.number}")
        if _read(now).head_sha != head_sha:
            raise refusal("gitea", "arm the merge", 409, "the branch has moved on", secret="", needs="")
        wish = {"Do": self._method(), "head_commit_id": head_sha, "merge_when_checks_succeed": True}
        try:
            answer = self._api.ask("arm the merge", "POST", f"/pulls/{pull.number}/merge", json=wish)
        except Refused as error:
            if error.code == 409 and "already scheduled" in error.words:
                return replace(pull, armed=True)
            raise
        if answer.status_code == 201:
            return replace(pull, armed=True)
        return _read(self._api.read("show the pull request", "GET", f"/pulls/{pull.number}"))

    def _method(self) -> str:
        """Return how to merge: by a merge commit, where the repository allows it, as that keeps the commit's id."""
        shown = self._api.read("show the repository", "GET", "")
        if shown.get("allow_merge_commits", True):
            return "merge"
        return str(shown.get("default_merge_style") or "merge")

    def _open(self, change: Change, base: str) -> PullRequest:
        wish = {
            "head": change.branch,
            "base": base,
            "title": wording.title(change.title, "WIP: " if change.draft else ""),
            "body": wording.body(change.body, LONGEST_BODY),
        }
        return _read(self._api.read("open the pull request", "POST", "/pulls", json=wish))

    def _ready(self, pull: PullRequest) -> PullRequest:
        path = f"/pulls/{pull.number}"
        title = str(self._api.read("show the pull request", "GET", path)["title"])
        while _DRAFT.match(title):
            title = _DRAFT.sub("", title)
        self._api.ask("mark the pull request as ready", "PATCH", path, json={"title": title})
        return replace(pull, draft=False)

    def _make_label(self, name: str) -> int:
        made = self._api.read("make a label", "POST", "/labels", json={"name": name, "color": _COLOR})
        return int(made["id"])

    def _ask_for_review(self, pull: PullRequest, name: str) -> str | None:
        """Ask one person or team for a review, and say why not where that is refused: it stops nothing."""
        login = name.removeprefix("@")
        slug = login.rpartition("/")[2]
        person, team = {"reviewers": [login]}, {"team_reviewers": [slug]}
        for wish in (team,) if "/" in login else (person, team):
            try:
                self._api.ask("ask for the review", "POST", f"/pulls/{pull.number}/requested_reviewers", json=wish)
                return None
            except Refused as error:
                if error.code not in (403, 404, 422):
                    raise
                refused = error
        return wording.nobody(name, f"as a person and as a team it was refused ({refused.words})")


def _is_from(data: dict[str, Any], head: str, base: str) -> bool:
    """Is this from that branch? ``label`` names it even after it was deleted, when ``ref`` does not."""
    from_, to = data["head"], data["base"]
    return head in (from_["label"], from_["ref"]) and to["ref"] == base and from_["repo_id"] == to["repo_id"]


def _read(data: dict[str, Any]) -> PullRequest:
    try:
        state = "merged" if data["merged"] else data["state"]
        return PullRequest(
            data["number"],
            data["html_url"],
            state,
            data["head"]["label"],
            data["base"]["ref"],
            data["head"]["sha"],
            bool(data.get("draft", _DRAFT.match(data["title"]))),
            tuple(label["name"] for label in data["labels"] or ()),
            merge_sha=data.get("merge_commit_sha") if state == "merged" else None,
        )
    except (KeyError, TypeError) as error:
        raise useless("gitea", "show the pull request", error, secret="") from None


def _json(action: str, answer: Response, wanted: type) -> Any:
    """Return what an answer holds. Refused where it is none of this API."""
    try:
        data = answer.json()
    except ValueError as error:
        raise useless("gitea", action, error, secret="") from None
    is_wanted = isinstance(data, wanted)
    if not is_wanted or (isinstance(data, list) and not all(isinstance(each, dict) for each in data)):
        raise useless("gitea", action, TypeError(f"it is no {wanted.__name__}"), secret="")
    return data


def _words(answer: Response) -> str:
    """Return what Gitea said."""
    try:
        data = answer.json()
        return str(data.get("message") or data) if isinstance(data, dict) else str(data)
    except ValueError:
        return answer.reason or ""
