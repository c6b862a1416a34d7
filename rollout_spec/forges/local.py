"""A bare repository on disk is a forge too: pull request N is the file ``<repository>.pulls/<N>.json`` beside it."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from rollout_spec.change import Change, PullRequest
from rollout_spec.errors import UserError

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_RANK = {"open": 0, "merged": 1, "closed": 2}


class LocalForge:
    """Pull requests as files. ``contains(branch, commit)`` says whether a branch of the remote holds a commit."""

    def __init__(self, remote_url: str, contains: Callable[[str, str], bool]) -> None:
        self.folder = Path(f"{_bare(remote_url)}.pulls")
        self.contains = contains

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch: an open one before a merged one before a closed one."""
        found = [each for each in map(self._read, self._numbers()) if each.head == head and each.base == base]
        return min(found, key=lambda each: (_RANK.get(each.state, 3), -each.number), default=None)

    def ensure(self, change: Change, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one where there is none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            known = self.find(change.branch, base)
            if known is not None:
                return known
            number = max(self._numbers(), default=0) + 1
            self._write(number, change, head_sha, base)
        return self._read(number)

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(each.stem) for each in self.folder.glob("*.json") if _NUMBER.fullmatch(each.stem))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.json"

    def _read(self, number: int) -> PullRequest:
        path = self._path(number)
        try:
            data: dict[str, Any] = json.loads(path.read_bytes())
            state = str(data["state"])
            if state == "open" and self.contains(str(data["base"]), str(data["headSha"])):
                state = "merged"
            return PullRequest(
                number,
                str(path),
                state,
                str(data["head"]),
                str(data["base"]),
                str(data["headSha"]),
                bool(data.get("draft")),
                tuple(map(str, data.get("labels", ()))),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no pull request of a local forge: {error!r}") from None

    def _write(self, number: int, change: Change, head_sha: str, base: str) -> None:
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
            "autoMerge": change.arm,
        }
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
