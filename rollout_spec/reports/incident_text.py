"""One incident as a block of lines: its evidence, its end, and the command that resolves it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime

from rollout_spec.core.text import escape
from rollout_spec.core.units import format_time
from rollout_spec.domain.incident_records import ENDED, IncidentDetail, IncidentRecord
from rollout_spec.domain.incident_resolution import FLAGS, Verdict, missing_keys, resolve_command
from rollout_spec.reports.incident_table import age
from rollout_spec.reports.short_values import cut
from rollout_spec.spec.incident import IncidentSpec

WIDTH = 80
_NAME = len("restored version")
_MOST_REVERTS = 20
_STATES = {
    "unreadable": "cannot be read",
    "open": "open",
    "unmerged": "open, not merged",
    "bad": "resolved as bad",
    "cleared": "resolved as cleared",
}


def incident_text(detail: IncidentDetail, now: datetime, *, width: int = WIDTH) -> str:
    """Return the block. Lines are wrapped to ``width``, except links."""
    record = detail.record
    lines = [cut(f"{record.name}: {_STATES[record.state]}", width)]
    for name, text in _rows(detail, now):
        lines += _row(name, text, width)
    lines += _next(detail, width)
    return "".join(f"{line}\n" for line in lines)


def _rows(detail: IncidentDetail, now: datetime) -> Iterator[tuple[str, str]]:
    record, spec = detail.record, detail.record.spec
    if spec is None:
        yield from _unreadable(detail)
    else:
        yield "rollout", spec.rollout
        yield "failed version", spec.failed_version
        yield "restored version", spec.restored_version or "none: there was no rollback target"
    yield "quarantine", detail.quarantine
    if spec is not None:
        yield "trigger", spec.trigger or "none: a person reported it"
        yield "source", spec.source
        yield "observed", f"{format_time(spec.observed_at)} ({age(spec.observed_at, now)} ago)"
        yield from _given(("stage", spec.stage), ("owner", record.incident.metadata.owner if record.incident else None))
        yield from _evidence(spec)
        yield from _given(("reverts", _reverts(spec)))
        yield from _end(spec)
    yield from _given(("branch", record.branch), ("note", record.note))
    yield from (("open branch", branch) for branch in detail.resolving)


def _unreadable(detail: IncidentDetail) -> Iterator[tuple[str, str]]:
    record = detail.record
    yield from _given(("file", record.path or None), ("rollout", record.rollout), ("problem", record.problem))
    yield from (("" if index else "errors", finding) for index, finding in enumerate(detail.findings))


def _given(*rows: tuple[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield the rows that have a text."""
    yield from ((name, text) for name, text in rows if text is not None)


def _evidence(spec: IncidentSpec) -> Iterator[tuple[str, str]]:
    evidence = spec.evidence
    if evidence is not None:
        value = f"{evidence.value:f}" if evidence.value is not None else None
        yield from _given(("evidence", evidence.summary), ("value", value), ("link", evidence.url))
        yield from _given(("replay", evidence.replay))


def _reverts(spec: IncidentSpec) -> str | None:
    left_out = len(spec.reverts) - _MOST_REVERTS
    more = f" and {left_out:,} more" if left_out > 0 else ""
    return " ".join(commit[:12] for commit in spec.reverts[:_MOST_REVERTS]) + more or None


def _end(spec: IncidentSpec) -> Iterator[tuple[str, str]]:
    yield from _given(("verdict", spec.verdict))
    if spec.reproduced is not None:
        yield "reproduced", f"in {spec.reproduced.environment}"
        yield from _given(("", spec.reproduced.link))
    yield from _given(("not reproduced", spec.not_reproduced))
    yield from _given(("root cause", spec.root_cause), ("resolution", spec.resolution))


def _row(name: str, text: str, width: int) -> Iterator[str]:
    """Yield the lines of a row. The lines of its text are escaped, and wrapped unless they are a link."""
    start = f"  {name:<{_NAME}}  "
    for written in text.split("\n"):
        shown = escape(written.rstrip())
        is_link = shown.startswith(("https://", "http://")) and " " not in shown
        room = width - len(start)
        for line in textwrap.wrap(shown, room, break_long_words=not is_link, break_on_hyphens=False) or [""]:
            yield f"{start}{line}".rstrip()
            start = " " * len(start)


def _next(detail: IncidentDetail, width: int) -> Iterator[str]:
    """Yield the commands that end an incident, or the reason why there is none."""
    record, spec = detail.record, detail.record.spec
    if record.state in ENDED:
        return
    yield ""
    if spec is None:
        yield from _sentence(_repair(record), width)
    elif record.state == "unmerged":
        what = f"the pull request of {record.branch}" if record.branch is not None else record.path
        yield from _sentence(f"Next: merge {what}. A merged incident can be resolved.", width)
    elif record.awaits_merge:
        yield from _sentence(f"Next: commit and merge {record.path} of this checkout.", width)
    else:
        for branch in detail.resolving:
            yield from _sentence(
                f"Next: review the pull request of {branch}, which is named like its resolution.", width
            )
        yield from _commands(record.name, spec, detail.is_stable, width)


def _repair(record: IncidentRecord) -> str:
    if record.branch is not None:
        return f"Next: repair it on the branch {record.branch}, or close its pull request."
    return f"Next: repair {record.path}. `rollout-spec check` shows its errors."


def _commands(name: str, spec: IncidentSpec, is_stable: bool, width: int) -> Iterator[str]:
    version, missing = spec.failed_version, ("verdict", *missing_keys(spec, "cleared"))
    yield from _sentence(f"Missing: {', '.join(missing)}.", width)
    yield from _sentence(f"If {version} was not the cause:", width)
    yield from _command(name, spec, "cleared")
    if "reproduced" in missing:
        yield from _sentence(f"A false alarm takes {FLAGS['notReproduced']} instead of {FLAGS['reproduced']}.", width)
    if is_stable:
        yield from _sentence(f"It cannot be resolved as bad yet: promote a version in place of {version} first.", width)
    else:
        yield from _sentence(f"If {version} was the cause, it stays quarantined for good:", width)
        yield from _command(name, spec, "bad")
    yield from _sentence("Add --pull-request to propose the change, or --commit to commit it.", width)


def _sentence(text: str, width: int) -> list[str]:
    return textwrap.wrap(escape(text), width, break_on_hyphens=False)


def _command(name: str, spec: IncidentSpec, verdict: Verdict) -> Iterator[str]:
    """Yield a command as two lines for a shell."""
    first, *flags = map(escape, resolve_command(name, spec, verdict))
    yield f"  {first}" + (" \\" if flags else "")
    if flags:
        yield f"    {' '.join(flags)}"
