"""Unexpected errors as a message of one line."""

from __future__ import annotations

import os
import sys
import traceback

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.text import excerpt

TRACEBACK = "ROLLOUT_SPEC_TRACEBACK"


def as_user_error(error: Exception) -> UserError:
    """Return the UserError for any exception, with status 3 if it was unexpected.

    Print the traceback if enabled.
    """
    if isinstance(error, UserError):
        return error
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        sys.stderr.write("".join(traceback.format_exception(error)))
    if isinstance(error, OSError) and error.errno is not None:
        path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "this machine"
        user_error = disk_error(error, f"{path} cannot be used", status=OUTSIDE)
        return user_error if user_error.hint else UserError(user_error.message, hint=_HINT, status=OUTSIDE)
    message = excerpt(str(error).partition("\n")[0] or "no message")
    return UserError(f"unexpected {type(error).__name__}: {message}", hint=_HINT, status=OUTSIDE)


_HINT = f"report this as a bug of rollout-spec; {TRACEBACK}=1 prints a traceback for the report"
