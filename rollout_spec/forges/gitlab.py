"""GitLab, on gitlab.com and elsewhere: a pull request is a merge request, and its title says that it is a draft."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gitlab
from gitlab.exceptions import GitlabError
from requests import Response
from requests.exceptions import RequestException

from rollout_spec.change import Change, PullRequest
from rollout_spec.forges import wording
from rollout_spec.forges.access import Access, need_token
from rollout_spec.forges.transport import TIMEOUT, Refused, ensure, refusal, session, unreachable, useless

LONGEST_BODY = 1_000_000
PERMISSIONS = "the token needs the scopes `api` and `write_repository`, and the role Developer or higher in the project"
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between looks at a new merge request: its pipeline, and whether it can be merged, come in a while."""

_STATES = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}
_DRAFT = re.compile(r"\A\s*(draft:|\[draft\]|\(draft\))\s*", re.IGNORECASE)
_UNDECIDED = {"unchecked", "checking", "preparing", "approvals_syncing", None}


class _Client(gitlab.Gitlab):
    """Its own retries have no bound in time; those of the session have one."""

    def http_request(self, *args: Any, **kwargs: Any) -> Response:
        return super().http_request(*args, **{**kwargs, "max_retries": 0, "obey_rate_limit": False})


class GitLab:
    """Merge requests of one project."""

    def __init__(self, client: gitlab.Gitlab, project: str, secret: str) -> None:
        self._client = client
        self._project = client.projects.get(project, lazy=True)
        self._secret = secret

    @classmethod
    def connect(cls, access: Access) -> GitLab:
        """Return the forge; nothing is asked yet."""
        token = need_token("gitlab")
        client = _Client(
            access.address("gitlab"),
            session=session(token),
            timeout=TIMEOUT,
            per_page=100,
            user_agent="rollout-spec",
            keep_base_url=True,  # the next page is where the first was, whatever the server calls itself
        )
        return cls(client, access.project(), token)

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest merge request from a branch of this project, and of no fork."""
        with self._answers("list merge requests"):
            found = self._project.mergerequests.list(source_branch=head, target_branch=base, state="all", get_all=True)
            ours = [each for each in found if each.source_project_id == each.target_project_id]
            return wording.newest(_read(each.attributes) for each in ours)

    def ensure(self, change: Change, head_sha: str, base: str) -> PullRequest:
        """Return the merge request from the change's branch, whatever its state; open one where there is none."""
        return ensure(
            change,
            base,
            find=self.find,
            begin=lambda: self._open(change, base),
            ready=self._ready,
            taken=lambda refused: refused.code == 409,
        )

    def mark(self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]) -> tuple[str, ...]:
        """Ask for reviews and label; GitLab makes labels that it does not know. It asks people, and no groups."""
        wanted = [label.replace(",", " ") for label in labels]
        if wanted and set(wanted) <= set(pull.labels):
            return ()
        found = {name: self._person(name.removeprefix("@")) for name in reviewers}
        ids = {number for number in found.values() if number is not None}
        with self._answers("show the merge request"):
            ids |= {int(each["id"]) for each in self._project.mergerequests.get(pull.number).reviewers}
        with self._answers("label the merge request and ask for reviews"):
            answer = self._project.mergerequests.update(
                pull.number, {"add_labels": ",".join(wanted), "reviewer_ids": sorted(ids)}
            )
        asked = {each["id"] for each in answer.get("reviewers") or ()}
        return tuple(
            wording.nobody(name, "no person here has that name" if number is None else "GitLab did not take that")
            for name, number in found.items()
            if number is None or number not in asked
        )

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it where it says something else."""
        wanted = wording.body(wording.marked(text, key), LONGEST_BODY)
        with self._answers("take the comment"):
            notes = self._project.mergerequests.get(pull.number, lazy=True).notes
            for each in notes.list(iterator=True):
                if wording.marker(key) in each.body and not each.system:
                    if not wording.same(each.body, wanted):
                        notes.update(each.get_id(), {"body": wanted})
                    return
            notes.create({"body": wanted})

    def arm(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Set auto-merge; where no pipeline comes that could be waited for, and nothing else stands against it, merge.

        A pipeline is made a moment after the push: to merge at once would be to merge before it.
        """
        if pull.armed:
            return pull
        for pause in (*PAUSES, None):
            try:
                return self._merge(pull, head_sha, auto=True)
            except Refused as error:
                if error.code != 405:
                    raise
                refused = error
            status, has_pipeline = self._status(pull)
            if pause is None or not (status in _UNDECIDED or (status == "mergeable" and not has_pipeline)):
                break
            time.sleep(pause)
        if status == "mergeable" and not has_pipeline:
            return self._merge(pull, head_sha, auto=False)
        refused.hint = f"GitLab says that it is `{status}`; {PERMISSIONS}"
        raise refused

    def _merge(self, pull: PullRequest, head_sha: str, *, auto: bool) -> PullRequest:
        wish: dict[str, Any] = {"sha": head_sha}
        if auto:
            wish |= {"auto_merge": True, "merge_when_pipeline_succeeds": True}  # the second until GitLab 17.11
        path = f"{self._project.mergerequests.path}/{pull.number}/merge"
        with self._answers("arm the merge" if auto else "merge"):
            answer = self._client.http_put(path, post_data=wish)
            assert isinstance(answer, dict)
            return _read(answer)

    def _status(self, pull: PullRequest) -> tuple[str | None, bool]:
        with self._answers("show the merge request"):
            now = self._project.mergerequests.get(pull.number)
        return getattr(now, "detailed_merge_status", None), bool(getattr(now, "head_pipeline", None))

    def _open(self, change: Change, base: str) -> PullRequest:
        wish = {
            "source_branch": change.branch,
            "target_branch": base,
            "title": wording.title(change.title, "Draft: " if change.draft else ""),
            "description": wording.body(change.body, LONGEST_BODY),
            "squash": False,
        }
        with self._answers("open the merge request"):
            return _read(self._project.mergerequests.create(wish).attributes)

    def _ready(self, pull: PullRequest) -> PullRequest:
        with self._answers("mark the merge request as ready"):
            title = self._project.mergerequests.get(pull.number).title
            while _DRAFT.match(title):
                title = _DRAFT.sub("", title)
            self._project.mergerequests.update(pull.number, {"title": title})
        return replace(pull, draft=False)

    def _person(self, name: str) -> int | None:
        with self._answers("look up the reviewers"):
            found = self._client.users.list(username=name, get_all=False)
        return next((int(each.get_id() or 0) for each in found if each.username.lower() == name.lower()), None)

    @contextmanager
    def _answers(self, action: str) -> Iterator[None]:
        """Turn what python-gitlab raises into words that hold no secret."""
        try:
            yield
        except GitlabError as error:
            code, words = error.response_code or 0, error.error_message
            raise refusal("gitlab", action, code, words, secret=self._secret, needs=PERMISSIONS) from None
        except (RequestException, OSError) as error:
            raise unreachable("gitlab", action, error, secret=self._secret) from None
        except (KeyError, TypeError, AttributeError, AssertionError) as error:
            raise useless("gitlab", action, error, secret=self._secret) from None


def _read(data: dict[str, Any]) -> PullRequest:
    merged = data["state"] == "merged"
    return PullRequest(
        data["iid"],
        data["web_url"],
        _STATES.get(data["state"], data["state"]),
        data["source_branch"],
        data["target_branch"],
        data["sha"],
        bool(data.get("draft", data.get("work_in_progress"))),
        tuple(map(str, data["labels"])),
        armed=bool(data.get("merge_when_pipeline_succeeds")) and not merged,
        merge_sha=(data.get("merge_commit_sha") or data.get("squash_commit_sha")) if merged else None,
    )
