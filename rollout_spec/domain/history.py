"""A rollback undoes every commit since the failed version was proposed that changed ``live``."""

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

    ``live`` is None where the file was not there, or did not load.
    """

    commit: str
    date: datetime
    subject: str
    after: Live | None
    before: Live | None
    parent: str | None = None


@dataclass(frozen=True)
class UndoneCommits:
    """The commits that a rollback undoes, newest first, and since when the version is where it is.

    ``kept`` are the commits since then that edited the file and not ``live``. ``reason`` says why nothing is known
    where nothing is: in a shallow clone the walk would give wrong answers. ``moved``: the version took requests before
    that too, in another stage or as known good. ``retaken``: when a rollback of this very kind was taken back, if it
    was the last step.
    """

    steps: tuple[Step, ...] = ()
    since: datetime | None = None
    reason: str | None = None
    kept_edits: tuple[Step, ...] = ()
    served_before: bool = False
    reverted_at: datetime | None = None


def rollback_reverted_at(version: str, history: Iterable[Step]) -> datetime | None:
    """Return when the newest change of ``live`` undid one that had taken a version out; None if it did not."""
    last, earlier = (*islice((step for step in history if step.after != step.before), 2), None, None)[:2]
    if last is None or earlier is None or earlier.after is None or last.after is None:
        return None
    was_out = version not in (earlier.after.stable, earlier.after.candidate)
    return last.date if was_out and last.before == earlier.after and last.after == earlier.before else None


def undone_commits(version: str, history: Iterable[Step], reverted_at: datetime | None = None) -> UndoneCommits:
    """Walk a history, newest first, to the commit that proposed a version; it is read no further than that.

    A version that a rollback restored was known good before: its life goes on behind that.
    """
    steps: list[Step] = []
    kept: list[Step] = []
    since = sure = None
    moved = False
    place: tuple[object, ...] | None = None
    for step in history:
        if step.after is None:
            return UndoneCommits(
                (), sure, f"the file did not load at {step.commit[:12]}, and what it said then is not known"
            )
        here = _place(version, step.after)
        if here is None:
            break
        if step.before is not None:  # the commit that brought the file itself is not undone
            (kept if step.after == step.before else steps).append(step)
        place = place or here
        before, sure = _place(version, step.before), since
        if since is None and before != place:
            since, moved = step.date, before not in (None, _PROPOSED)
        if step.before is not None and before is None:
            break
    return UndoneCommits(tuple(steps), since, kept_edits=tuple(kept), served_before=moved, reverted_at=reverted_at)


def _place(version: str, live: Live | None) -> tuple[object, ...] | None:
    """Return where a version is in a rollout: in a stage, stable, or known good; None where it is none of them."""
    if live is None:
        return None
    if live.stable == version:
        return ("stable",)
    if version in live.known_good:
        return ("known good",)
    return ("candidate", live.stage) if live.candidate == version else None
