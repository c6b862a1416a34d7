"""A breach is judged by this clock: by one that is wrong it is too old, or from the future, and a token has ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollout_spec.core.units import format_duration, format_time
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, unknown, warning

_MUCH = timedelta(seconds=30)
_TOO_MUCH = timedelta(minutes=5)
"""Guards put up with so much: a breach from further ahead is for a person."""
_HINT = "let this machine ask a time server: `timedatectl set-ntp true`"


def compared(there: datetime | None, here: datetime | None, whose: str) -> DoctorResult:
    """Compare two readings of one moment."""
    if there is None or here is None:
        return unknown("clock", f"{whose} does not say what time it is")
    by = abs(here - there)
    if by <= _MUCH:
        return ok("clock", f"within {format_duration(_MUCH)} of {whose}'s")
    way = "ahead of" if here > there else "behind"
    words = f"this clock is {format_duration(by // timedelta(seconds=1) * timedelta(seconds=1))} {way} {whose}'s"
    if by <= _TOO_MUCH:
        return warning("clock", words, _HINT)
    return failed("clock", f"{words}: the age of a breach, holds and tokens are judged by it", _HINT)


def against_commit(date: datetime, now: datetime, branch: str) -> DoctorResult:
    """Compare with the newest commit, where there is no other clock: it cannot come from the future."""
    if date - now > _MUCH:
        words = f"the newest commit of {branch} is from the future ({format_time(date)}), by this clock"
        return warning("clock", words, _HINT)
    return ok("clock", f"after the newest commit of {branch}; there is no other clock to compare with")
