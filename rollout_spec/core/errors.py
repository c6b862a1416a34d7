"""Errors that end a command, with a message for the user and an exit status."""

from __future__ import annotations

import errno
from typing import Any

USAGE = 2
"""Exit status: the command line or the input is not valid."""
OUTSIDE = 3
"""Exit status: an outside service failed."""


class UserError(Exception):
    """An error that ends the command, with a message, a hint and the exit status."""

    def __init__(self, message: str, *, hint: str | None = None, status: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process raise it here, whatever the arguments of a subclass are."""
        return _raised_elsewhere, (type(self), self.args), self.__dict__


def _raised_elsewhere(kind: type[UserError], args: tuple[object, ...]) -> UserError:
    error = kind.__new__(kind)
    error.args = args
    return error


class ChangedError(UserError):
    """A file or branch changed after it was read. The caller decides again, or gives up."""

    def __init__(self, name: str) -> None:
        message = f"{name} was changed while this command ran; nothing was done"
        super().__init__(message, hint="run it again", status=1)
        self.name = name


class ClosedByPersonError(UserError):
    """A person closed the pull request for a breach, so it is not opened again for the same breach."""


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
    """Return the UserError for an error of the operating system.

    The status is 3 if no other path would help, for example if the disk is full.
    """
    hint = "free some space there, then run it again" if error.errno in _FULL else None
    reason = error.strerror or type(error).__name__
    return UserError(f"{message}: {reason}", hint=hint, status=OUTSIDE if error.errno in _NOT_THE_PATH else status)
