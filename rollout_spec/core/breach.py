"""Breaches: reports by a monitor or a person that one version of a rollout failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

About = Literal["rollout", "candidate"]
"""The subject of a monitor's breach that names no version: the only version with traffic, or the candidate."""


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
    None if a person named only the rollout: then it is the candidate, or else stable. It is None too if a monitor named
    no version; then ``about`` is set, and ``workflows.breach_version`` finds the version. ``trigger`` is a name in the
    spec, or None. ``ended_at`` is set if the breach was over when it was reported. ``also`` holds the weaker breaches
    of the same version, reported with it.
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
    about: About | None = None

    @property
    def subject(self) -> str:
        """The rollout and the version, or what stands for the version."""
        return f"{self.rollout} {self.version or self.about or ''}".strip()
