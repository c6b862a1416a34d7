"""An unreadable pause pauses too, for whoever wrote it wanted one; an expired one does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from rollout_spec.document import parse
from rollout_spec.rollback.incident import one_line
from rollout_spec.spec.pause import PauseFile


@dataclass(frozen=True)
class Pause:
    """A pause; ``ends`` is None where the file could not be read, and then it lasts until that is mended."""

    path: str
    reason: str
    ends: datetime | None


def read_pause(path: str, content: bytes) -> Pause:
    """Read a file that pauses the automation."""
    try:
        file = PauseFile.model_validate(parse(content).data)
    except ValidationError:
        return Pause(path, "it cannot be read; it has to say `reason` and `expires`", None)
    return Pause(path, one_line(file.reason, 200), file.ends)
