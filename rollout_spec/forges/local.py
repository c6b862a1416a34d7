"""A bare repository on disk is a forge too: pull request N is the file ``<repository>.pulls/<N>.json`` beside it."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from rollout_spec.change import Change, PullRequest
from rollout_spec.errors import UserError
from rollout_spec.forges import wording
from rollout_spec.forges.standing import Standing
from rollout_spec.units import parse_time

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class LocalForge:
    """Pull requests as files. ``contains(branch, commit)`` says whether a branch of the remote holds a commit."""

    def __init__(self, remote_url: str, contains: Callable[[str, str], bool]) -> None:
        self.repository = _bare(remote_url)
        self.folder = Path(f"{self.repository}.pulls")
        self.contains = contains

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch: an open one before a merged one before a closed one."""
        found = map(self._read, self._numbers())
        return wording.newest(each for each in found if each.head == head and each.base == base)

    def ensure(self, change: Change, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one where there is none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            known = self.find(change.branch, base)
            if known is not None:
                if known.state == "open" and known.draft and not change.draft:
                    self._edit(known.number, draft=False)
                return self._read(known.number)
            number = max(self._numbers(), default=0) + 1
            self._open(number, change, head_sha, base)
        return self._read(number)

    def mark(self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]) -> tuple[str, ...]:
        """Label a pull request and ask for its review; a file refuses nobody."""
        with self._lock():
            data = self._data(pull.number)
            self._edit(
                pull.number,
                labels=list(dict.fromkeys([*data.get("labels", ()), *labels])),
                reviewers=list(dict.fromkeys([*data.get("reviewers", ()), *reviewers])),
            )
        return ()

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it where it says something else."""
        with self._lock():
            comments = list(self._data(pull.number).get("comments", ()))
            others = [each for each in comments if wording.marker(key) not in each]
            wanted = wording.marked(text, key)
            if wanted not in comments:
                self._edit(pull.number, comments=[*others, wanted])

    def arm(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Say that it should merge once checks pass. Nothing merges it here but a person, or a script of theirs."""
        with self._lock():
            if self._read(pull.number).head_sha != head_sha:
                raise UserError(f"{pull.url} is not armed: its branch has moved on", status=1)
            self._edit(pull.number, autoMerge=True)
        return self._read(pull.number)

    def standing(self, base: str) -> Standing:
        """Return which folders cannot be written. A repository on disk has one clock with us, and protects nothing."""
        folder = self.folder if self.folder.is_dir() else self.folder.parent
        needed = (self.repository / "objects", self.repository / "refs", folder)
        lacks = tuple(f"the right to write to {each}" for each in needed if not os.access(each, os.W_OK | os.X_OK))
        return Standing(lacks=lacks, auto_merge=not lacks)

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return when a commit came onto the base: the ``mergedAt`` of the file that has it as ``mergeSha`` or head."""
        times: list[datetime] = []
        for number in self._numbers():
            with self._understood(number):
                data = self._data(number)
                is_ours = data["base"] == base and commit in (data["headSha"], data.get("mergeSha"))
            try:
                if is_ours and data.get("mergedAt"):
                    times.append(parse_time(str(data["mergedAt"])))
            except ValueError as error:
                raise UserError(f"{self._path(number)} is no pull request of a local forge: {error}") from None
        return min(times, default=None)

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(each.stem) for each in self.folder.glob("*.json") if _NUMBER.fullmatch(each.stem))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.json"

    def _read(self, number: int) -> PullRequest:
        with self._understood(number):
            data = self._data(number)
            state = str(data["state"])
            if state == "open" and self.contains(str(data["base"]), str(data["headSha"])):
                state = "merged"
            return PullRequest(
                number,
                str(self._path(number)),
                state,
                str(data["head"]),
                str(data["base"]),
                str(data["headSha"]),
                bool(data.get("draft")),
                tuple(map(str, data.get("labels", ()))),
                armed=bool(data.get("autoMerge")),
            )

    @contextmanager
    def _understood(self, number: int) -> Iterator[None]:
        """UserError where a file is not what this forge writes."""
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self._path(number)} is no pull request of a local forge: {error!r}") from None

    def _data(self, number: int) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self._path(number).read_bytes())
        return data

    def _edit(self, number: int, **fields: Any) -> None:
        data = self._data(number)
        if any(data.get(name) != value for name, value in fields.items()):
            self._write(number, data | fields)

    def _open(self, number: int, change: Change, head_sha: str, base: str) -> None:
        data = {
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
        }
        self._write(number, data)

    def _write(self, number: int, data: dict[str, Any]) -> None:
        part = self.folder / f".{number}.part"
        part.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(self._path(number))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One at a time: of many who open the same pull request, one does."""
        handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _bare(remote_url: str) -> Path:
    """Return the folder of the bare repository behind a remote."""
    if "://" in remote_url:
        parsed = urlparse(remote_url)
        if parsed.scheme != "file":
            raise UserError(
                f"a local forge needs a remote on this disk, and this one is on {parsed.scheme}://",
                hint="set `forge.type`",
            )
        return Path(unquote(parsed.path))
    path = Path(remote_url)
    if not path.is_dir():
        raise UserError(f"a local forge needs a bare repository on this disk, and {remote_url} is none")
    return path
