"""Unexpected errors, as a user is told of them: in one line, and never as findings."""

from __future__ import annotations

import os
import sys
import traceback

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.text import excerpt

TRACEBACK = "ROLLOUT_SPEC_TRACEBACK"


def explained(error: Exception) -> UserError:
    """Return what a user is told of an error; status 3 if it was not foreseen. Print where it was, if asked to."""
    if isinstance(error, UserError):
        return error
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        sys.stderr.write("".join(traceback.format_exception(error)))
    if isinstance(error, OSError) and error.errno is not None:
        place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "this machine"
        known = disk_error(error, f"{place} cannot be used", status=OUTSIDE)
        return known if known.hint else UserError(known.message, hint=_HINT, status=OUTSIDE)
    message = excerpt(str(error).partition("\n")[0] or "no message")
    return UserError(f"unexpected {type(error).__name__}: {message}", hint=_HINT, status=OUTSIDE)


_HINT = f"this is a defect of rollout-spec; {TRACEBACK}=1 shows where it is"
