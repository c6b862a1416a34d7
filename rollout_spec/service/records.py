"""Rows of the inbox: breaches as they were reported, and their progress."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rollout_spec.core.breach import Breach

State = Literal["waiting", "working", "watching", "done", "refused", "failed"]
"""``watching``: the pull request is open. ``refused``: no rollback can answer it. ``failed``: all tries failed."""
UNFINISHED: tuple[State, ...] = ("waiting", "working")
OPEN: tuple[State, ...] = (*UNFINISHED, "watching")


BEGUN = "begun"
"""The field of an outcome with what a worker was about to push. It stays if the worker is killed."""
GIVEN_UP = "given up"
"""The step of a breach that is not tried again."""


@dataclass(frozen=True)
class NewBreach:
    """A reported breach that is to be stored. ``delay`` is how long it waits for others, in seconds.

    ``refusal`` is the reason if no rollback can answer it. Then ``breach`` may be None.
    """

    workspace: str
    monitor: str
    breach: Breach | None
    dry_run: bool = False
    delay: float = 0.0
    refusal: str | None = None

    @property
    def key(self) -> str:
        """The identity: equal for each delivery of an alert, however often it ends and fires again."""
        breach, run = self.breach, "dry-run" if self.dry_run else ""
        if breach is None:
            return _digest("refused", self.workspace, self.monitor, self.refusal or "", run)
        alert = alert_key(self.workspace, breach.id)
        return _digest(alert, breach.rollout, breach.version or breach.about or "", run)


def alert_key(workspace: str, breach_id: str) -> str:
    """Return the key of an alert, equal each time it fires: the id of its breach without the time."""
    return _digest(workspace, re.sub(r"-[0-9]{9,11}$", "", breach_id))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Step:
    """One step of a breach's progress. ``at`` is in seconds since 1970."""

    at: float
    name: str
    text: str = ""


@dataclass(frozen=True)
class StoredBreach:
    """A row of the inbox. Times are in seconds since 1970, by the clock of the database.

    ``arrivals`` counts the deliveries, ``attempts`` the tries since the last one that did not fail. ``outcome`` is the
    last response, empty before the first one. ``leased_at`` is set by a lease. ``was_left``: the worker that had the
    breach before did not finish it.
    """

    id: str
    workspace: str
    monitor: str
    state: State
    dry_run: bool
    breach: Breach | None
    received_at: float
    observed_at: float
    due_at: float
    attempts: int
    arrivals: int
    outcome: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    ended_at: float | None = None
    owner: str | None = None
    leased_at: float | None = None
    was_left: bool = False

    @property
    def age(self) -> float:
        """The seconds from the first delivery to the lease, by the clock of the database."""
        return (self.leased_at or self.received_at) - self.received_at

    @property
    def is_given_up(self) -> bool:
        """Return whether people got the message already that this start of the alert has no answer."""
        names = [step.name for step in self.steps]
        last_start = max((number for number, name in enumerate(names) if name == "received"), default=0)
        return GIVEN_UP in names[last_start:]


@dataclass(frozen=True)
class Notice:
    """A breach that people must be notified of. ``sent`` are the recipients that have the message already."""

    row: StoredBreach
    sent: tuple[str, ...]
    attempts: int


@dataclass(frozen=True)
class Receipt:
    """The answer to one delivery. ``is_new``: it is not a repeated delivery."""

    id: str
    state: State
    is_new: bool
