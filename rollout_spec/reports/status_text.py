"""The status of one rollout as a block of lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.rollout_status import IncidentStatus, OpenBranch, RolloutStatus, StageHold
from rollout_spec.reports.short_values import cut, short_duration

WIDTH = 80
_NAME = len("rollback of stable")


def status_text(status: RolloutStatus, now: datetime, not_asked: str | None, *, width: int = WIDTH) -> str:
    """Return the block of a rollout. No line is longer than ``width``."""
    lines = [cut(status.name, width)]
    for name, text in _rows(status, now, not_asked):
        lines.append(cut(f"  {name:<{_NAME}}  {text}", width))
    return "".join(f"{line}\n" for line in lines)


def _rows(status: RolloutStatus, now: datetime, not_asked: str | None) -> Iterator[tuple[str, str]]:
    live = status.live
    if live is None or status.split is None:
        yield "problem", status.problem or "unknown"
    else:
        yield "stable", live.stable
        yield "candidate", f"{live.candidate} in {live.stage or 'no stage yet'}" if live.candidate else "none"
        yield "traffic", status.split.text
        if live.fixes is not None:
            yield "fixes", live.fixes
        if status.hold is not None:
            yield "hold", hold_text(status.hold, now)
        if live.candidate is not None:
            yield "rollback", f"of {live.candidate}: to {live.stable}"
        yield "rollback of stable", f"to {', else '.join(status.targets)}" if status.targets else "no rollback target"
        yield from (("", f"not to {version}: {reason}") for version, reason in status.obstacles.items())
    yield from _several("incident", [_incident(each) for each in status.incidents], not_asked, "none open")
    yield from _several("pull request", [_branch(each) for each in status.branches], not_asked, "none open")
    if live is not None:
        yield "drill", f"recorded {format_time(status.drilled)}" if status.drilled is not None else "none recorded"


def hold_text(hold: StageHold, now: datetime) -> str:
    """Return the length of a hold, the time left, and its beginning."""
    length, left = format_duration(hold.hold), hold.left(now)
    if left is None or hold.since is None:
        return f"{length}, since when is unknown: {hold.reason or 'its end is beyond all dates'}"
    since = f"since {format_time(hold.since)} ({(hold.commit or '')[:12]})"
    return f"{length}, {short_duration(left)} left, {since}" if left > timedelta(0) else f"{length}, over, {since}"


def _several(name: str, texts: list[str], not_asked: str | None, none: str) -> Iterator[tuple[str, str]]:
    """Yield a row for each text, and one if the remote may have more."""
    if not texts and not_asked is None:
        yield name, none
    for index, text in enumerate(texts):
        yield name if index == 0 else "", text
    if not_asked is not None:
        yield "" if texts else name, "on the remote: unknown, it was not asked"


def _incident(incident: IncidentStatus) -> str:
    place = f", on {incident.branch}" if incident.branch is not None else ""
    about = f" of {incident.version}" if incident.version is not None else ""
    cause = incident.problem or incident.trigger or "by hand"
    return f"{incident.name or 'unknown'}{about}: {cause}{place}"


def _branch(branch: OpenBranch) -> str:
    return f"{branch.kind}: {branch.url or branch.name}"
