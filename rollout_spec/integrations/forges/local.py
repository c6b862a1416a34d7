"""A forge for a bare repository on disk: pull request N is the file ``<repository>.pulls/<N>.json``."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.core.units import format_time, parse_time
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.capabilities import TokenCapabilities
from rollout_spec.integrations.forges.local_files import PullFiles, automation, interventions, noted, texts
from rollout_spec.integrations.forges.statuses import is_due, refuse_changed

_STATES = ("open", "merged", "closed")


class LocalForge:
    """Pull requests as files.

    ``contains(branch, commit)`` returns whether a remote branch contains a commit.
    """

    attests_first = False

    def __init__(self, remote_url: str, contains: Callable[[str, str], bool]) -> None:
        self.repository = _bare(remote_url)
        self.folder = Path(f"{self.repository}.pulls")
        self._files = PullFiles(self.folder)
        self.contains = contains

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch: an open one before a merged one before a closed one.

        A file that is not a valid pull request is ignored, so that it stops no rollback.
        """
        pulls: list[PullRequest] = []
        for number in self._files.numbers():
            with suppress(UserError):
                pulls.append(self.read(number))
        return wording.newest(each for each in pulls if each.head == head and each.base == base)

    def ensure_pull_request(self, change: ProposedChange, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one if there is none."""
        with self._files.lock():
            existing = self.find(change.branch, base)
            if existing is not None:
                return existing
            number = max(self._files.numbers(), default=0) + 1
            self._files.write(number, _opened(number, change, head_sha, base))
        return self.read(number)

    def ready(self, pull: PullRequest) -> PullRequest:
        """Mark an open draft as ready for review."""
        with self._files.lock():
            now = self.read(pull.number)
            if now.state == "open" and now.draft:
                self._files.edit(pull.number, draft=False, automation=self._noted(pull.number, draft=False))
        return self.read(pull.number)

    def interventions(self, pull: PullRequest) -> Interventions:
        """Return the changes that a person made since the tool wrote the file."""
        with self._files.understood(pull.number):
            return interventions(self._files.read(pull.number))

    def update(self, pull: PullRequest, change: ProposedChange, head_sha: str) -> PullRequest:
        """Update the title, body and head. The present draft and auto-merge stay and are recorded."""
        with self._files.lock():
            now = self.read(pull.number)
            record = automation(head_sha, draft=now.draft, armed=now.auto_merge_enabled)
            self._files.edit(pull.number, title=change.title, body=change.body, headSha=head_sha, automation=record)
        return self.read(pull.number)

    def close(self, pull: PullRequest) -> None:
        """Close an open pull request without a merge, and cancel its auto-merge."""
        with self._files.lock():
            now = self.read(pull.number)
            if now.state != "open":
                return
            self._files.edit(
                pull.number,
                state="closed",
                autoMerge=False,
                closedAt=format_time(datetime.now(UTC)),
                automation=self._noted(pull.number, armed=False),
            )

    def hold(self, pull: PullRequest) -> PullRequest:
        """Cancel the auto-merge of an open pull request, and make it a draft."""
        with self._files.lock():
            if self.read(pull.number).state == "open":
                record = self._noted(pull.number, draft=True, armed=False)
                self._files.edit(pull.number, draft=True, autoMerge=False, automation=record)
        return self.read(pull.number)

    def label_and_request_review(
        self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Label a pull request and record its reviewers; no reviewer is refused."""
        with self._files.lock(), self._files.understood(pull.number):
            data = self._files.read(pull.number)
            self._files.edit(
                pull.number,
                labels=list(dict.fromkeys([*data.get("labels", ()), *labels])),
                reviewers=list(dict.fromkeys([*data.get("reviewers", ()), *reviewers])),
            )
        return ()

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it if its text differs."""
        with self._files.lock(), self._files.understood(pull.number):
            comments = list(self._files.read(pull.number).get("comments", ()))
            others = [each for each in comments if not wording.is_marked(each, key)]
            wanted = wording.marked(text, key)
            if wanted not in comments:
                self._files.edit(pull.number, comments=[*others, wanted])

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Record that it should merge once checks pass. Only a person or a script merges it."""
        with self._files.lock():
            now = self.read(pull.number)
            if now.head_sha != head_sha or now.draft:
                why = "it is a draft" if now.draft else "its branch has moved"
                raise UserError(f"auto-merge of {pull.url} was not enabled: {why}", status=1)
            self._files.edit(pull.number, autoMerge=True, automation=self._noted(pull.number, armed=True))
        return self.read(pull.number)

    def attest(self, pull: PullRequest, commit: str, context: str, description: str) -> None:
        """Record the status of a commit under ``statuses``; no merge waits for it."""
        with self._files.lock(), self._files.understood(pull.number):
            known = list(self._files.read(pull.number).get("statuses", ()))
            own = [str(each["state"]) for each in known if (each["sha"], each["context"]) == (commit, context)]
            if is_due(own[-1] if own else None, context, commit):
                refuse_changed(self.read(pull.number), pull, commit)
                status = {"sha": commit, "context": context, "state": "success", "description": description}
                self._files.edit(pull.number, statuses=[*known, status])

    def merged(self, pull: PullRequest, head_sha: str, merge_sha: str, moment: datetime) -> PullRequest:
        """Record that a pull request was merged at ``head_sha``; ``merge_sha`` is the commit on the base."""
        with self._files.lock():
            when = format_time(moment)
            self._files.edit(pull.number, state="merged", headSha=head_sha, mergeSha=merge_sha, mergedAt=when)
        return self.read(pull.number)

    def standing(self, base: str) -> TokenCapabilities:
        """Return the folders that cannot be written. A repository on disk protects no branch."""
        folder = self.folder if self.folder.is_dir() else self.folder.parent
        needed = (self.repository / "objects", self.repository / "refs", folder)
        lacks = tuple(f"the right to write to {each}" for each in needed if not os.access(each, os.W_OK | os.X_OK))
        return TokenCapabilities(lacks=lacks, auto_merge=not lacks)

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return the ``mergedAt`` of the pull request that has a commit as ``mergeSha`` or head."""
        times: list[datetime] = []
        for number in self._files.numbers():
            with self._files.understood(number):
                data = self._files.read(number)
                is_ours = data["base"] == base and commit in (data["headSha"], data.get("mergeSha"))
            try:
                if is_ours and data.get("mergedAt"):
                    times.append(parse_time(str(data["mergedAt"])))
            except ValueError as error:
                raise UserError(f"{self._files.path(number)} is not a pull request of a local forge: {error}") from None
        return min(times, default=None)

    def read(self, number: int) -> PullRequest:
        """Return a pull request by its number. An open one whose head is on the base is merged."""
        with self._files.understood(number):
            data = self._files.read(number)
            state = str(data["state"])
            if state not in _STATES:
                raise ValueError(f"`state` is {data['state']!r}, expected one of {', '.join(_STATES)}")
            if state == "open" and self.contains(str(data["base"]), str(data["headSha"])):
                state = "merged"
            merge_sha = data.get("mergeSha") if state == "merged" else None
            return PullRequest(
                number,
                str(self._files.path(number)),
                state,
                str(data["head"]),
                str(data["base"]),
                str(data["headSha"]),
                bool(data.get("draft")),
                tuple(map(str, data.get("labels", ()))),
                auto_merge_enabled=bool(data.get("autoMerge")),
                merge_sha=merge_sha if isinstance(merge_sha, str) else None,
                closed_at=_closed_at(state, data),
            )

    def texts(self, number: int) -> tuple[str, ...]:
        """Return the title, the body and the comments of a pull request."""
        with self._files.understood(number):
            return texts(self._files.read(number))

    def _noted(self, number: int, **changes: bool) -> dict[str, Any]:
        """Return the record of a pull request with one more change by the tool."""
        with self._files.understood(number):
            return noted(self._files.read(number), **changes)


def _opened(number: int, change: ProposedChange, head_sha: str, base: str) -> dict[str, Any]:
    """Return the fields of a new pull request."""
    return {
        "number": number,
        "state": "open",
        "draft": change.draft,
        "title": change.title,
        "body": change.body,
        "head": change.branch,
        "headSha": head_sha,
        "base": base,
        "labels": list(change.labels),
        "reviewers": list(change.reviewers),
        "autoMerge": False,
        "automation": automation(head_sha, draft=change.draft, armed=False),
    }


def _closed_at(state: str, data: dict[str, Any]) -> datetime | None:
    """Return the time at which it was closed, None if the file does not say it in RFC 3339."""
    try:
        return parse_time(str(data["closedAt"])) if state == "closed" and "closedAt" in data else None
    except ValueError:
        return None


def _bare(remote_url: str) -> Path:
    """Return the folder of the bare repository behind a remote."""
    if "://" in remote_url:
        parsed = urlparse(remote_url)
        if parsed.scheme != "file":
            raise UserError(
                f"a local forge needs a remote on this disk, not {parsed.scheme}://",
                hint="set `forge.type`",
            )
        return Path(unquote(parsed.path))
    path = Path(remote_url)
    if not path.is_dir():
        raise UserError(f"a local forge needs a bare repository on this disk, and {remote_url} is not one")
    return path
