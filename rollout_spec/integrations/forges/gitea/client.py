"""Pull requests on Gitea and Forgejo, which share one API. A draft is marked in its title."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.capabilities import TokenCapabilities
from rollout_spec.integrations.forges.credentials import Access, need_token
from rollout_spec.integrations.forges.gitea import capabilities as gitea_standing
from rollout_spec.integrations.forges.gitea import timeline as gitea_timeline
from rollout_spec.integrations.forges.gitea.api import Api, parsed
from rollout_spec.integrations.forges.gitea.timeline import DRAFT
from rollout_spec.integrations.forges.http import ForgeError, ask_for_review, ensure, refusal, useless
from rollout_spec.integrations.forges.probes import closing_time, first_merge, is_denied
from rollout_spec.integrations.forges.statuses import is_due, refuse_changed

LONGEST_BODY = 1_000_000
LONGEST_LABEL = 50
_COLOR = "#b60205"


class Gitea:
    """Pull requests of one repository."""

    attests_first = True  # a merge that is scheduled does not compare the head, but an immediate one does

    def __init__(self, api: Api) -> None:
        self._api = api

    @classmethod
    def connect(cls, access: Access) -> Gitea:
        """Return the forge without a request."""
        if access.project().count("/") != 1:
            raise UserError(f"`{access.project()}` is not a Gitea repository", hint="`forge.repository` is OWNER/NAME")
        return cls(Api(access.address("gitea"), access.project(), need_token("gitea")))

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch of this repository, and of no fork.

        Gitea returns one pull request for two branches. If it is not open, a newer one may be, so all are listed.
        """
        action, path = "list pull requests", f"/pulls/{quote(base, safe='')}/{quote(head)}"
        try:
            pull = _read(self._api.read(action, "GET", path))
        except ForgeError as error:
            if error.code != 404:
                raise
            self._api.read("show the repository", "GET", "")  # a wrong repository raises here
            return None
        if pull.state == "open":
            return pull
        listed = self._api.each(action, "/pulls", state="all", sort="newest")
        return wording.newest(_read(each) for each in listed if _is_from(each, head, base)) or pull

    def ensure_pull_request(self, change: ProposedChange, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one if there is none."""
        return ensure(
            change,
            base,
            find=self.find,
            begin=lambda: self._open(change, base),
            taken=lambda refused: refused.code == 409,
        )

    def ready(self, pull: PullRequest) -> PullRequest:
        """Mark an open draft as ready for review."""
        if pull.state != "open" or not pull.draft:
            return pull
        title = DRAFT.sub("", self._title(pull))
        self._api.ask("mark the pull request as ready", "PATCH", f"/pulls/{pull.number}", json={"title": title})
        return replace(pull, draft=False)

    def interventions(self, pull: PullRequest) -> Interventions:
        """Return the changes that a person made to a pull request at its present head, by its timeline."""
        head = _read(self._api.read("show the pull request", "GET", f"/pulls/{pull.number}")).head_sha
        return gitea_timeline.interventions(self._api, pull.number, head)

    def update(self, pull: PullRequest, change: ProposedChange, head_sha: str) -> PullRequest:
        """Update the title and body; a WIP prefix of the title stays."""
        draft = DRAFT.match(self._title(pull))
        wish = {
            "title": wording.title(change.title, draft[0] if draft else ""),
            "body": wording.body(change.body, LONGEST_BODY),
        }
        done = self._api.read("update the pull request", "PATCH", f"/pulls/{pull.number}", json=wish)
        return replace(_read(done), head_sha=head_sha)

    def close(self, pull: PullRequest) -> None:
        """Close an open pull request without a merge, and cancel its auto-merge."""
        path = f"/pulls/{pull.number}"
        if _read(self._api.read("show the pull request", "GET", path)).state != "open":
            return
        try:
            self._api.ask("cancel the auto-merge", "DELETE", f"{path}/merge")
        except ForgeError as error:
            if not is_denied(error):
                raise  # else nothing is scheduled any more; Gitea merges nothing that is closed
        self._api.ask("close the pull request", "PATCH", path, json={"state": "closed"})

    def label_and_request_review(
        self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Request reviews and add labels; missing labels are created."""
        wanted = [label[:LONGEST_LABEL] for label in labels]
        if wanted and set(wanted) <= set(pull.labels):
            return ()
        asked = (ask_for_review(name, partial(self._ask, pull)) for name in reviewers)
        notes = tuple(note for note in asked if note)
        if wanted:
            label_ids = {each["name"]: each["id"] for each in self._api.each("list the labels", "/labels")}
            ids = [label_ids.get(name) or self._make_label(name) for name in wanted]
            self._api.ask("label the pull request", "POST", f"/issues/{pull.number}/labels", json={"labels": ids})
        return notes

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it if its text differs."""
        action, path = "take the comment", f"/issues/{pull.number}/comments"
        wanted = wording.body(wording.marked(text, key), LONGEST_BODY)
        listed = parsed(action, self._api.ask(action, "GET", path), list)  # this list has no pages
        for each in listed:
            if wording.is_marked(each["body"], key):
                if not wording.same(each["body"], wanted):
                    self._api.ask(action, "PATCH", f"/issues/comments/{each['id']}", json={"body": wanted})
                return
        self._api.ask(action, "POST", path, json={"body": wanted})

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Let Gitea merge when checks succeed; it merges at once if they have.

        A scheduled merge ignores ``head_commit_id``, so the head is compared here.
        """
        now = self._api.read("show the pull request", "GET", f"/pulls/{pull.number}")
        if _read(now).head_sha != head_sha:
            raise refusal("gitea", "enable auto-merge", 409, "the branch has moved", secret="", needs="")
        wish = {"Do": self._method(), "head_commit_id": head_sha, "merge_when_checks_succeed": True}
        try:
            answer = self._api.ask("enable auto-merge", "POST", f"/pulls/{pull.number}/merge", json=wish)
        except ForgeError as error:
            if error.code == 409 and "already scheduled" in error.reason:
                return replace(pull, auto_merge_enabled=True)
            raise
        if answer.status_code == 201:
            return replace(pull, auto_merge_enabled=True)
        return _read(self._api.read("show the pull request", "GET", f"/pulls/{pull.number}"))

    def attest(self, pull: PullRequest, commit: str, context: str, description: str) -> None:
        """Set the status of a context at the head of a pull request to success."""
        path = f"/statuses/{quote(commit)}"
        listed = self._api.each("show the statuses of the commit", path, sort="highestindex")
        newest = next((str(each.get("status")) for each in listed if each.get("context") == context), None)
        if is_due(newest, context, commit):
            refuse_changed(_read(self._api.read("show the pull request", "GET", f"/pulls/{pull.number}")), pull, commit)
            wish = {"state": "success", "context": context, "description": description}
            self._api.ask("set the status of the commit", "POST", path, json=wish)

    def standing(self, base: str) -> TokenCapabilities:
        """Return the permissions of the token and the protection of the base; change nothing."""
        return gitea_standing.standing(self._api, base)

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return when a commit came onto the base. Gitea knows this only for the last commit of a merge."""
        try:
            path = f"/commits/{quote(commit)}/pull"
            data = self._api.read("look for the pull request of a commit", "GET", path)
        except ForgeError as error:
            if error.code != 404:
                raise
            self._api.read("show the repository", "GET", "")  # a wrong repository raises here
            return None
        return first_merge("gitea", [(_read(data).base, data.get("merged_at"))], base)

    def _method(self) -> str:
        """Return the merge method: a merge commit if allowed, because it keeps the commit's id."""
        shown = self._api.read("show the repository", "GET", "")
        if shown.get("allow_merge_commits", True):
            return "merge"
        return str(shown.get("default_merge_style") or "merge")

    def _open(self, change: ProposedChange, base: str) -> PullRequest:
        wish = {
            "head": change.branch,
            "base": base,
            "title": wording.title(change.title, "WIP: " if change.draft else ""),
            "body": wording.body(change.body, LONGEST_BODY),
        }
        return _read(self._api.read("open the pull request", "POST", "/pulls", json=wish))

    def _title(self, pull: PullRequest) -> str:
        return str(self._api.read("show the pull request", "GET", f"/pulls/{pull.number}").get("title") or "")

    def _make_label(self, name: str) -> int:
        made = self._api.read("make a label", "POST", "/labels", json={"name": name, "color": _COLOR})
        return int(made["id"])

    def _ask(self, pull: PullRequest, people: list[str], teams: list[str]) -> None:
        wish = {"reviewers": people} if people else {"team_reviewers": teams}
        self._api.ask("ask for the review", "POST", f"/pulls/{pull.number}/requested_reviewers", json=wish)


def _is_from(data: dict[str, Any], head: str, base: str) -> bool:
    """Return whether a pull request is from ``head`` into ``base``. ``label`` names a deleted branch too."""
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
            bool(data.get("draft", DRAFT.match(data["title"]))),
            tuple(label["name"] for label in data["labels"] or ()),
            merge_sha=data.get("merge_commit_sha") if state == "merged" else None,
            closed_at=closing_time(state, data.get("closed_at")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise useless("gitea", "show the pull request", error, secret="") from None
