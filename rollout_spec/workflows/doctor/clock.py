"""The check of this machine's clock.

The clock decides the age of a breach, the end of a hold and of a token.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rollout_spec.core.units import format_duration, format_time
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, unknown, warning

_MUCH = timedelta(seconds=30)
_TOO_MUCH = timedelta(minutes=5)
"""The tolerance of the guards. A breach from further ahead needs a person."""
_HINT = "use a time server on this machine: `timedatectl set-ntp true`"


def compared(other: datetime | None, own: datetime | None, whose: str) -> DoctorResult:
    """Compare this clock with another one at the same moment. ``whose`` names the other."""
    if other is None or own is None:
        return unknown("clock", f"{whose} does not report its time")
    difference = abs(own - other)
    if difference <= _MUCH:
        return ok("clock", f"within {format_duration(_MUCH)} of {whose}'s")
    direction = "ahead of" if own > other else "behind"
    seconds = timedelta(seconds=difference // timedelta(seconds=1))
    message = f"this clock is {format_duration(seconds)} {direction} {whose}'s"
    if difference <= _TOO_MUCH:
        return warning("clock", message, _HINT)
    return failed("clock", f"{message}: it decides the age of breaches, holds and tokens", _HINT)


def against_commit(date: datetime, now: datetime, branch: str) -> DoctorResult:
    """Compare this clock with the newest commit, if there is no other clock."""
    if date - now > _MUCH:
        message = f"the newest commit of {branch} is in the future of this clock ({format_time(date)})"
        return warning("clock", message, _HINT)
    return ok("clock", f"after the newest commit of {branch}; there is no other clock to compare with")
