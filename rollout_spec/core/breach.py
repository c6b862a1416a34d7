"""Breaches: reports by a monitor or a person that one version of a rollout failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Evidence:
    """The evidence of a breach: a sentence, and the measured value and a link if known."""

    summary: str = ""
    value: Decimal | None = None
    url: str | None = None


@dataclass(frozen=True)
class Breach:
    """A report by ``source`` that one version of a rollout failed at ``observed_at``.

    ``id`` has letters, digits, ``.``, ``_`` and ``-``; a breach that is reported twice keeps its id. ``version`` is
    None if a person named only the rollout. ``trigger`` is a name in the spec, or None. ``ended_at`` is set if the
    breach was over when it was reported. ``also`` holds the weaker breaches of the same version, reported with it.
    """

    id: str
    source: str
    rollout: str
    version: str | None
    observed_at: datetime
    trigger: str | None = None
    workspace: str | None = None
    ended_at: datetime | None = None
    evidence: Evidence = field(default_factory=Evidence)
    also: tuple[Breach, ...] = ()
