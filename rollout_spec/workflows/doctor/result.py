"""A check says what is, and what to do about it; one that fails hides no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rollout_spec.core.errors import OUTSIDE, UserError

DoctorVerdict = Literal["ok", "warning", "failed", "unknown"]


@dataclass(frozen=True)
class DoctorResult:
    """What one check found. ``outside``: it failed because somebody else did not answer."""

    name: str
    verdict: DoctorVerdict
    message: str
    hint: str | None = None
    outside: bool = False


def ok(name: str, message: str) -> DoctorResult:
    """Return that something is as it should be."""
    return DoctorResult(name, "ok", message)


def warning(name: str, message: str, hint: str | None = None) -> DoctorResult:
    """Return that a rollback works, and not as one may think."""
    return DoctorResult(name, "warning", message, hint)


def failed(name: str, message: str, hint: str | None = None) -> DoctorResult:
    """Return that a rollback would not work, or could be undone."""
    return DoctorResult(name, "failed", message, hint)


def unknown(name: str, message: str, hint: str | None = None) -> DoctorResult:
    """Return that it cannot be seen from here; the hint says what would show it."""
    return DoctorResult(name, "unknown", message, hint)


def ended(name: str, error: UserError, *, answered: bool = False) -> DoctorResult:
    """Return that a check came to no end. ``answered``: it was refused, and not for want of an answer."""
    return DoctorResult(name, "failed", error.message, error.hint, outside=error.status == OUTSIDE and not answered)
