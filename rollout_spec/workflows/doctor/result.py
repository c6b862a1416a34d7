"""The result of one check: verdict, message and hint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rollout_spec.core.errors import OUTSIDE, UserError

DoctorVerdict = Literal["ok", "warning", "failed", "unknown"]


@dataclass(frozen=True)
class DoctorResult:
    """The result of one check. ``outside``: it failed because another service did not answer."""

    name: str
    verdict: DoctorVerdict
    message: str
    hint: str | None = None
    outside: bool = False


def ok(name: str, message: str) -> DoctorResult:
    """Return a result without a problem."""
    return DoctorResult(name, "ok", message)


def warning(name: str, message: str, hint: str | None = None) -> DoctorResult:
    """Return a result for a rollback that works, with a restriction."""
    return DoctorResult(name, "warning", message, hint)


def failed(name: str, message: str, hint: str | None = None) -> DoctorResult:
    """Return a result for a rollback that would fail, or could be undone."""
    return DoctorResult(name, "failed", message, hint)


def unknown(name: str, message: str, hint: str | None = None) -> DoctorResult:
    """Return a result for a fact that is not visible; the hint names what shows it."""
    return DoctorResult(name, "unknown", message, hint)


def ended(name: str, error: UserError, *, answered: bool = False) -> DoctorResult:
    """Return a result for a check that raised an error. ``answered``: the service answered and refused."""
    return DoctorResult(name, "failed", error.message, error.hint, outside=error.status == OUTSIDE and not answered)


def status_of(results: Iterable[DoctorResult]) -> int:
    """Return the exit status: 3 if another service did not answer, else 1 if a check failed."""
    failures = [each for each in results if each.verdict == "failed"]
    return OUTSIDE if any(each.outside for each in failures) else int(bool(failures))
