"""A token that lacks a permission, or ended last week, is found out by the rollback that it was made for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rollout_spec.core.units import format_time
from rollout_spec.integrations.forges import TokenCapabilities
from rollout_spec.integrations.forges.credentials import APP, TOKENS, app_is_set, token_variable
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, unknown, warning

SOON = timedelta(days=14)
_HINT = "docs/forges.md says what it must be allowed"


def source(kind: str) -> str | None:
    """Return where the token of a forge is from, None if there is none; ``local`` needs none."""
    if kind == "github" and app_is_set():
        return f"the App of ${APP[0]}"
    name = token_variable(kind)
    return f"${name}" if name else None


def missing(kind: str) -> DoctorResult:
    """Say which variables could hold the token that is not there."""
    names = [f"${name}" for name in TOKENS[kind]] + ([f"${APP[0]}"] if kind == "github" else [])
    hint = f"set {', '.join(names[:-1])} or {names[-1]}; {_HINT}"
    return failed("token", f"there is no token for {kind}: no pull request can be opened", hint)


def token(standing: TokenCapabilities, found: str, now: datetime) -> DoctorResult:
    """Say whose the token is, and when it ends."""
    who = f"{standing.who}, from {found}" if standing.who else f"from {found}; whose it is, is not shown"
    end = standing.expires
    if end is None:
        return ok("token", who)
    if end <= now:
        return failed("token", f"{who}: it ended at {format_time(end)}", "make a new one")
    if end - now < SOON:
        return warning("token", f"{who}: it ends at {format_time(end)}, {_left(end - now)}", "make a new one in time")
    return ok("token", f"{who}; it ends at {format_time(end)}")


def permissions(standing: TokenCapabilities) -> Iterator[DoctorResult]:
    """Say what the token lacks, and what keeps everybody from writing."""
    for each in standing.lacks:
        yield failed("permissions", f"missing: {each}", "; ".join((*standing.unsure, _HINT)))
    if standing.unsure and not standing.lacks:
        yield unknown("permissions", "not all that the token may is shown", "; ".join(standing.unsure))
    elif not standing.lacks:
        yield ok("permissions", "it may push branches, and open pull requests")


def _left(left: timedelta) -> str:
    return "in less than a day" if left.days < 1 else "in a day" if left.days == 1 else f"in {left.days} days"
