"""The status of rollouts: traffic, hold, rollback target, and everything that is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout_spec.domain.traffic import TrafficSplit
from rollout_spec.spec.rollout import Live


@dataclass(frozen=True)
class StageHold:
    """The hold of the candidate's stage. ``reason`` says why its beginning is unknown.

    ``by_forge``: ``since`` is the merge time on the forge, else the committer's date.
    """

    hold: timedelta
    since: datetime | None = None
    commit: str | None = None
    by_forge: bool = False
    reason: str | None = None

    @property
    def until(self) -> datetime | None:
        """The end of the hold, None if its beginning is unknown or the end is beyond all dates."""
        try:
            return self.since + self.hold if self.since is not None else None
        except OverflowError:
            return None

    def left(self, now: datetime) -> timedelta | None:
        """Return the time that is left, zero if the hold is over, None if unknown."""
        return max(self.until - now, timedelta(0)) if self.until is not None else None


@dataclass(frozen=True)
class IncidentStatus:
    """An open incident. ``branch`` is None if it is merged; ``problem`` says why it cannot be read."""

    name: str
    version: str | None
    trigger: str | None = None
    branch: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class OpenBranch:
    """A branch of this tool on the remote that is not merged: of a step, a rollback or an incident.

    ``url`` and ``state`` are those of its pull request, None if the forge was not asked or knows none.
    """

    name: str
    kind: str
    rollout: str
    commit: str
    url: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class RolloutStatus:
    """The status of one rollout.

    If its file does not load, only ``name``, ``problem`` and the open things are set. ``targets`` are the versions that
    a rollback of stable may restore, best first, ``obstacles`` the other known-good versions with the reasons.
    """

    name: str
    problem: str | None = None
    live: Live | None = None
    split: TrafficSplit | None = None
    hold: StageHold | None = None
    targets: tuple[str, ...] = ()
    obstacles: dict[str, str] = field(default_factory=dict)
    incidents: tuple[IncidentStatus, ...] = ()
    branches: tuple[OpenBranch, ...] = ()
    drilled: datetime | None = None


@dataclass(frozen=True)
class WorkspaceStatus:
    """The status of some rollouts of a workspace.

    ``commit`` is None outside git. ``not_asked`` says why the remote was not asked, so open branches are unknown.
    ``only_here`` are rollouts of the working tree that the branch does not have.
    """

    workspace: str
    rollouts: tuple[RolloutStatus, ...]
    branch: str | None = None
    commit: str | None = None
    not_asked: str | None = None
    only_here: tuple[str, ...] = ()
