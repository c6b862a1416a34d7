"""The commits that a rollback undoes.

They changed ``live`` since the failed version was proposed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rollout_spec.spec.rollout import Live

_PROPOSED = ("candidate", None)


@dataclass(frozen=True)
class Step:
    """One commit of the first-parent history of a rollout's file, with ``live`` after it and before it.

    ``live`` is None if the file did not exist or did not load.
    """

    commit: str
    date: datetime
    subject: str
    after: Live | None
    before: Live | None
    parent: str | None = None


@dataclass(frozen=True)
class UndoneCommits:
    """The commits that a rollback undoes, newest first.

    ``since`` is the time at which the version entered its present place. ``reason`` explains an unknown history, as
    in a shallow clone. ``kept_edits`` are the commits that edited the file but not ``live``. ``served_before``: the
    version received requests before ``since``, in another stage or as known good. ``reverted_at`` is the time at which
    a person reverted the last rollback of the version, if that was the last step.
    """

    steps: tuple[Step, ...] = ()
    since: datetime | None = None
    reason: str | None = None
    kept_edits: tuple[Step, ...] = ()
    served_before: bool = False
    reverted_at: datetime | None = None


def rollback_reverted_at(version: str, history: Iterable[Step]) -> datetime | None:
    """Return the time of the newest change of ``live`` if it reverted a rollback of a version, or None."""
    last, earlier = (*islice((step for step in history if step.after != step.before), 2), None, None)[:2]
    if last is None or earlier is None or earlier.after is None or last.after is None:
        return None
    was_out = version not in (earlier.after.stable, earlier.after.candidate)
    return last.date if was_out and last.before == earlier.after and last.after == earlier.before else None


def undone_commits(version: str, history: Iterable[Step], reverted_at: datetime | None = None) -> UndoneCommits:
    """Walk a history, newest first, back to the commit that proposed a version, and no further.

    The walk continues past a rollback that restored the version, because the version was known good before it.
    """
    steps: list[Step] = []
    kept_edits: list[Step] = []
    since = previous_since = None
    served_before = False
    last_place: tuple[object, ...] | None = None
    for step in history:
        if step.after is None:
            return UndoneCommits(
                (), previous_since, f"the file did not load at {step.commit[:12]}, so its content then is unknown"
            )
        current = _place(version, step.after)
        if current is None:
            break
        if step.before is not None:  # the commit that brought the file itself is not undone
            (kept_edits if step.after == step.before else steps).append(step)
        last_place = last_place or current
        before, previous_since = _place(version, step.before), since
        if since is None and before != last_place:
            since, served_before = step.date, before not in (None, _PROPOSED)
        if step.before is not None and before is None:
            break
    return UndoneCommits(
        tuple(steps), since, kept_edits=tuple(kept_edits), served_before=served_before, reverted_at=reverted_at
    )


def _place(version: str, live: Live | None) -> tuple[object, ...] | None:
    """Return the place of a version in a rollout: a stage, stable or known good. None if it has no place."""
    if live is None:
        return None
    if live.stable == version:
        return ("stable",)
    if version in live.known_good:
        return ("known good",)
    return ("candidate", live.stage) if live.candidate == version else None
