"""The file that pauses the automation.

An unreadable one pauses too, because its author wanted a pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.text import one_line
from rollout_spec.spec.kinds import PAUSE
from rollout_spec.workspace.loader import read_file

LINKED = "it is a link or a submodule, which is not followed"


@dataclass(frozen=True)
class Pause:
    """A pause. ``ends`` is None if the file cannot be read: the pause then lasts until it is corrected."""

    path: str
    reason: str
    ends: datetime | None


def read_pause(path: str, content: bytes) -> Pause:
    """Read a file that pauses the automation."""
    pause = read_file(path, PAUSE, content).model
    if pause is None:
        return Pause(path, "the file cannot be read; it must have `reason` and `expires`", None)
    return Pause(path, one_line(pause.reason, 200), pause.ends)
