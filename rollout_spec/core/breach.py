"""A breach is what a monitor, or a person, says went wrong with one version of one rollout."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Evidence:
    """What was seen: a sentence, perhaps the number, perhaps where to look."""

    summary: str = ""
    value: Decimal | None = None
    url: str | None = None


@dataclass(frozen=True)
class Breach:
    """One version of one rollout failed, says ``source`` at ``observed_at``.

    ``id`` names the breach: letters, digits, ``.``, ``_``, ``-``; the same breach told twice has the same id.
    ``version`` is None where a person named the rollout alone. ``trigger`` is a name in the spec, or None. ``ended_at``
    is when it was over, where it was when it was told. ``also`` are the weaker breaches of the same version that were
    reported with it.
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
