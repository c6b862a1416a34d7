"""Merge requests on gitlab.com and other GitLab servers. A draft is marked in its title."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import gitlab

from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.capabilities import TokenCapabilities
from rollout_spec.integrations.forges.credentials import Access, need_token
from rollout_spec.integrations.forges.gitlab import capabilities as gitlab_standing
from rollout_spec.integrations.forges.gitlab import notes as gitlab_notes
from rollout_spec.integrations.forges.gitlab.api import PERMISSIONS, answers, connected
from rollout_spec.integrations.forges.gitlab.merge_request import DRAFT, read
from rollout_spec.integrations.forges.gitlab.status import Statuses
from rollout_spec.integrations.forges.http import ForgeError, ensure
from rollout_spec.integrations.forges.probes import first_merge, is_denied
from rollout_spec.integrations.forges.statuses import refuse_changed

LONGEST_BODY = 1_000_000
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between reads of a new merge request: its pipeline and merge status come with a delay."""

_UNDECIDED = {"unchecked", "checking", "preparing", "approvals_syncing", None, "mergeable", "ci_still_running"}
"""Statuses that may change soon. With the last two, the pipeline is yet to come or came after the refusal."""


class GitLab:
    """Merge requests of one project."""

    attests_first = True  # the status is the pipeline that auto-merge needs

    def __init__(self, client: gitlab.Gitlab, project: str, secret: str) -> None:
        self._client = client
        self._name = project
        self._project = client.projects.get(project, lazy=True)
        self._secret = secret

    @classmethod
    def connect(cls, access: Access) -> GitLab:
        """Return the forge without a request."""
        token = need_token("gitlab")
        return cls(connected(access, token), access.project(), token)

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest merge request from a branch of this project, and of no fork."""
        with answers("list merge requests", secret=self._secret):
            merge_requests = self._project.mergerequests.list(
                source_branch=head, target_branch=base, state="all", get_all=True
            )
            ours = [each for each in merge_requests if each.source_project_id == each.target_project_id]
            return wording.newest(read(each.attributes) for each in ours)

    def ensure_pull_request(self, change: ProposedChange, head_sha: str, base: str) -> PullRequest:
        """Return the merge request from the change's branch, whatever its state; open one if there is none."""
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
        with answers("mark the merge request as ready", secret=self._secret):
            title = DRAFT.sub("", self._project.mergerequests.get(pull.number).title)
            self._project.mergerequests.update(pull.number, {"title": title})
        return replace(pull, draft=False)

    def interventions(self, pull: PullRequest) -> Interventions:
        """Return the changes that a person made to a merge request at its present head, by its system notes."""
        with answers("list the events of the merge request", secret=self._secret):
            owner = self._project.mergerequests.get(pull.number).author["id"]
            notes = self._project.mergerequests.get(pull.number, lazy=True).notes
            newest_first = notes.list(iterator=True, order_by="created_at", sort="desc")
            return gitlab_notes.interventions((each.attributes for each in newest_first), owner)

    def update(self, pull: PullRequest, change: ProposedChange, head_sha: str) -> PullRequest:
        """Update the title and body; a Draft prefix of the title stays."""
        with answers("update the merge request", secret=self._secret):
            draft = DRAFT.match(self._project.mergerequests.get(pull.number).title)
            wish = {
                "title": wording.title(change.title, draft[0] if draft else ""),
                "description": wording.body(change.body, LONGEST_BODY),
            }
            return replace(read(dict(self._project.mergerequests.update(pull.number, wish))), head_sha=head_sha)

    def close(self, pull: PullRequest) -> None:
        """Close an open merge request without a merge, and cancel its auto-merge."""
        if (now := self._now(pull)).state != "open":
            return
        if now.auto_merge_enabled:
            self._cancel_auto_merge(pull)  # a refusal: it is cancelled already, or will be with the merge request
        with answers("close the merge request", secret=self._secret):
            self._project.mergerequests.update(pull.number, {"state_event": "close"})

    def hold(self, pull: PullRequest) -> PullRequest:
        """Cancel the auto-merge of an open merge request, and make it a draft."""
        now, refused = self._now(pull), None
        if now.state == "open" and now.auto_merge_enabled:
            refused = self._cancel_auto_merge(pull)
        if now.state == "open" and not now.draft:
            with answers("make the merge request a draft", secret=self._secret):
                title = self._project.mergerequests.get(pull.number).title
                self._project.mergerequests.update(pull.number, {"title": wording.title(title, "Draft: ")})
        now = self._now(pull)
        if refused is not None and now.state == "open" and now.auto_merge_enabled:
            raise refused
        return now

    def label_and_request_review(
        self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Request reviews of people, not groups, and add labels; GitLab creates unknown ones."""
        wanted = [label.replace(",", " ") for label in labels]
        if wanted and set(wanted) <= set(pull.labels):
            return ()
        found = {name: self._person(name.removeprefix("@")) for name in reviewers}
        ids = {number for number in found.values() if number is not None}
        with answers("show the merge request", secret=self._secret):
            ids |= {int(each["id"]) for each in self._project.mergerequests.get(pull.number).reviewers}
        with answers("label the merge request and ask for reviews", secret=self._secret):
            answer = self._project.mergerequests.update(
                pull.number, {"add_labels": ",".join(wanted), "reviewer_ids": sorted(ids)}
            )
        asked = {each["id"] for each in answer.get("reviewers") or ()}
        return tuple(
            wording.not_asked_note(name, "no such user" if number is None else "GitLab refused it")
            for name, number in found.items()
            if number is None or number not in asked
        )

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it if its text differs."""
        wanted = wording.body(wording.marked(text, key), LONGEST_BODY)
        with answers("take the comment", secret=self._secret):
            notes = self._project.mergerequests.get(pull.number, lazy=True).notes
            for each in notes.list(iterator=True):
                if wording.is_marked(each.body, key) and not each.system:
                    if not wording.same(each.body, wanted):
                        notes.update(each.get_id(), {"body": wanted})
                    return
            notes.create({"body": wanted})

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Enable auto-merge; if no pipeline comes and nothing else is pending, merge.

        GitLab creates a pipeline with a delay after the push, so an immediate merge could come before it.
        """
        if pull.auto_merge_enabled:
            return pull
        for pause in (*PAUSES, None):
            try:
                return self._merge(pull, head_sha, auto=True)
            except ForgeError as error:
                if error.code != 405:
                    raise
                refused = error
            status, has_pipeline = self._status(pull)
            may_change = status in _UNDECIDED or (status == "ci_must_pass" and not has_pipeline)
            if pause is None or not may_change:
                break
            time.sleep(pause)
        if status == "mergeable" and not has_pipeline:
            return self._merge(pull, head_sha, auto=False)
        refused.hint = f"GitLab reports the status `{status}`; {PERMISSIONS}"
        raise refused

    def attest(self, pull: PullRequest, commit: str, context: str, description: str) -> None:
        """Set the status of a context at the head of a merge request to success."""
        statuses = Statuses(self._client, self._name, self._secret)
        if statuses.is_due(pull, commit, context):
            refuse_changed(self._now(pull), pull, commit)
            statuses.succeed(pull, commit, context, description)

    def standing(self, base: str) -> TokenCapabilities:
        """Return the permissions of the token and the protection of the base; change nothing."""
        return gitlab_standing.standing(self._client, self._name, self._secret, base)

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return when a commit came onto the base: as one of a merge request, or as its merge or squash."""
        path = f"/projects/{quote(self._name, safe='')}/repository/commits/{quote(commit)}/merge_requests"
        try:
            with answers("look for the merge request of a commit", secret=self._secret):
                requests = [dict(each) for each in self._client.http_list(path, iterator=True)]
                merges = [(each["target_branch"], each.get("merged_at")) for each in requests]
        except ForgeError as error:
            if error.code != 404 or "Commit" not in error.reason:
                raise
            return None
        return first_merge("gitlab", merges, base)

    def _now(self, pull: PullRequest) -> PullRequest:
        with answers("show the merge request", secret=self._secret):
            return read(self._project.mergerequests.get(pull.number).attributes)

    def _cancel_auto_merge(self, pull: PullRequest) -> ForgeError | None:
        """Cancel the auto-merge. Return the error if GitLab denies it."""
        path = f"{self._project.mergerequests.path}/{pull.number}/cancel_merge_when_pipeline_succeeds"
        try:
            with answers("cancel the auto-merge", secret=self._secret):
                self._client.http_post(path)
        except ForgeError as error:
            if not is_denied(error):
                raise
            return error
        return None

    def _merge(self, pull: PullRequest, head_sha: str, *, auto: bool) -> PullRequest:
        wish: dict[str, Any] = {"sha": head_sha}
        if auto:
            wish |= {
                "auto_merge": True,
                "merge_when_pipeline_succeeds": True,
            }  # the second until GitLab 17.11
        path = f"{self._project.mergerequests.path}/{pull.number}/merge"
        with answers("enable auto-merge" if auto else "merge", secret=self._secret):
            answer = self._client.http_put(path, post_data=wish)
            assert isinstance(answer, dict)
            return read(answer)

    def _status(self, pull: PullRequest) -> tuple[str | None, bool]:
        with answers("show the merge request", secret=self._secret):
            now = self._project.mergerequests.get(pull.number)
        return getattr(now, "detailed_merge_status", None), bool(getattr(now, "head_pipeline", None))

    def _open(self, change: ProposedChange, base: str) -> PullRequest:
        wish = {
            "source_branch": change.branch,
            "target_branch": base,
            "title": wording.title(change.title, "Draft: " if change.draft else ""),
            "description": wording.body(change.body, LONGEST_BODY),
            "squash": False,
        }
        with answers("open the merge request", secret=self._secret):
            return read(self._project.mergerequests.create(wish).attributes)

    def _person(self, name: str) -> int | None:
        with answers("look up the reviewers", secret=self._secret):
            users = self._client.users.list(username=name, get_all=False)
        return next((int(each.get_id() or 0) for each in users if each.username.lower() == name.lower()), None)
