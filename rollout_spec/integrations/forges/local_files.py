"""The JSON files of a local forge, one per pull request.

Each has a record of the tool's own changes to it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.pull_request import Interventions

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class PullFiles:
    """The files of one folder; ``<N>.json`` is pull request N."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def numbers(self) -> list[int]:
        """Return the numbers of all pull requests, lowest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(each.stem) for each in self.folder.glob("*.json") if _NUMBER.fullmatch(each.stem))

    def path(self, number: int) -> Path:
        """Return the file of a pull request."""
        return self.folder / f"{number}.json"

    def read(self, number: int) -> dict[str, Any]:
        """Return the fields of a pull request."""
        data: dict[str, Any] = json.loads(self.path(number).read_bytes())
        return data

    def edit(self, number: int, **fields: Any) -> None:
        """Set fields, and leave the others as they are."""
        data = self.read(number)
        if any(data.get(name) != value for name, value in fields.items()):
            self.write(number, data | fields)

    def write(self, number: int, data: dict[str, Any]) -> None:
        """Replace a file; a reader sees the old or the new one."""
        part = self.folder / f".{number}.part"
        try:
            part.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(self.path(number))
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise disk_error(error, f"{self.path(number)} cannot be written", status=OUTSIDE) from None

    @contextmanager
    def understood(self, number: int) -> Iterator[None]:
        """Raise UserError if a file does not have the format of this forge."""
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self.path(number)} is not a pull request of a local forge: {error!r}") from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the folder, so that only one process writes at a time."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise disk_error(error, f"{self.folder} cannot be locked", status=OUTSIDE) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def texts(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts of a pull request: its title, its body and its comments."""
    return str(data["title"]), str(data["body"]), *map(str, data.get("comments", ()))


def automation(head: str, *, draft: bool, armed: bool) -> dict[str, Any]:
    """Return the record of the state in which the tool itself left a pull request at a head."""
    return {"head": head, "draft": draft, "armed": armed}


def noted(data: dict[str, Any], **changes: bool) -> dict[str, Any]:
    """Return the record of a pull request with one more change by the tool.

    Changes by a person stay visible.
    """
    return automation(data["headSha"], draft=False, armed=False) | _own(data) | changes


def interventions(data: dict[str, Any]) -> Interventions:
    """Compare the fields of a pull request with the tool's own record of them.

    Without a record of the present head, a draft counts as a person's. TypeError if the record is no mapping.
    """
    draft, armed, ours = bool(data.get("draft")), bool(data.get("autoMerge")), _own(data)
    return Interventions(
        converted_to_draft=draft and not ours.get("draft"), cancelled_auto_merge=bool(ours.get("armed")) and not armed
    )


def _own(data: dict[str, Any]) -> dict[str, Any]:
    """Return the record of the present head, empty if there is none."""
    ours = data.get("automation", {})
    if not isinstance(ours, dict):
        raise TypeError("`automation` is not a mapping")
    return ours if ours.get("head") == data["headSha"] else {}
