"""What a user is told when a command cannot go on."""

from __future__ import annotations

import errno

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


class ChangedError(UserError):
    """Something is no longer what was read: the decision that was made from it is made again, or given up."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was changed while this ran; nothing was done", hint="run it again", status=1)
        self.name = name


_NOT_THE_PATH = frozenset(
    getattr(errno, name)
    for name in (
        "ENOSPC",
        "EDQUOT",
        "EROFS",
        "EIO",
        "EMFILE",
        "ENFILE",
        "ENOMEM",
        "EFBIG",
        "EAGAIN",
        "ENOLCK",
        "ESTALE",
    )
    if hasattr(errno, name)
)
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


def disk_error(error: OSError, message: str, *, status: int = USAGE) -> UserError:
    """Return what a user is told of an operating system's error; status 3 unless another path would mend it."""
    hint = "free some space there, then run it again" if error.errno in _FULL else None
    reason = error.strerror or type(error).__name__
    return UserError(f"{message}: {reason}", hint=hint, status=OUTSIDE if error.errno in _NOT_THE_PATH else status)
