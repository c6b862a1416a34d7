"""Checks of the forge's token: its source, end and permissions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rollout_spec.core.units import format_time
from rollout_spec.integrations.forges import TokenCapabilities
from rollout_spec.integrations.forges.credentials import APP, TOKENS, app_is_set, token_variable
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, unknown, warning

SOON = timedelta(days=14)
_HINT = "see docs/forges.md for its permissions"


def source(kind: str) -> str | None:
    """Return the source of a forge's token, None if there is none. ``local`` needs none."""
    if kind == "github" and app_is_set():
        return f"the App of ${APP[0]}"
    name = token_variable(kind)
    return f"${name}" if name else None


def missing(kind: str) -> DoctorResult:
    """Return the failed result of a missing token, with the variables that may hold it."""
    names = [f"${name}" for name in TOKENS[kind]] + ([f"${APP[0]}"] if kind == "github" else [])
    hint = f"set {', '.join(names[:-1])} or {names[-1]}; {_HINT}"
    return failed("token", f"no token for {kind}: no pull request can be opened", hint)


def token(standing: TokenCapabilities, found: str, now: datetime) -> DoctorResult:
    """Report the account of the token and its end."""
    account = f"{standing.who}, from {found}" if standing.who else f"from {found}; its account is not visible"
    end = standing.expires
    if end is None:
        return ok("token", account)
    if end <= now:
        return failed("token", f"{account}: it expired at {format_time(end)}", "create a new one")
    if end - now < SOON:
        return warning("token", f"{account}: it expires at {format_time(end)}, {_left(end - now)}", "create a new one")
    return ok("token", f"{account}; it expires at {format_time(end)}")


def permissions(standing: TokenCapabilities) -> Iterator[DoctorResult]:
    """Report missing permissions, and settings that stop all writes."""
    for each in standing.lacks:
        yield failed("permissions", f"missing: {each}", "; ".join((*standing.unsure, _HINT)))
    if standing.unsure and not standing.lacks:
        yield unknown("permissions", "not all permissions of the token are visible", "; ".join(standing.unsure))
    elif not standing.lacks:
        yield ok("permissions", "it may push branches and open pull requests")


def _left(left: timedelta) -> str:
    return "in less than a day" if left.days < 1 else "in a day" if left.days == 1 else f"in {left.days} days"
