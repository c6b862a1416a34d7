"""What a user is told when a command cannot go on."""

from __future__ import annotations

USAGE = 2
"""Exit status: the command or its input could not be used."""
OUTSIDE = 3
"""Exit status: an outside service failed."""


class UserError(Exception):
    """Ends the command: what is wrong, what to do about it, and the exit status."""

    def __init__(self, message: str, *, hint: str | None = None, status: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
