"""The verdict on one trigger, with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rollout_spec.domain.statistics.counts import Counts

Verdict = Literal["breach", "ok", "inconclusive", "no-data", "invalid"]
"""``breach``: worse than accepted. ``ok``: not worse than accepted. ``inconclusive``: neither is shown yet.
``no-data``: there is nothing to judge. ``invalid``: the data cannot be trusted, for example the split is wrong."""

STRONGEST: tuple[Verdict, ...] = ("breach", "invalid", "no-data", "inconclusive", "ok")
"""The verdicts, strongest first: the verdict of a stage is the strongest of its triggers."""


_LONGEST_WAIT = 365 * 86400.0
"""The longest time in seconds after which a verdict is announced; no date holds one of a million years."""


@dataclass(frozen=True)
class EvidencePoint:
    """The evidence at one moment, in shares of the evidence that decides: at 1 the verdict is reached."""

    seconds: float
    breach: float
    ok: float


@dataclass(frozen=True)
class Judgement:
    """The verdict on one trigger.

    ``method`` is the statistical test, ``alpha`` its accepted probability of a false alarm. ``stable`` and
    ``candidate`` are the judged counts. ``interval`` contains the measured quantity with a confidence of 1 - alpha.
    ``breached_after`` and the seconds of ``points`` count from the first judged moment. ``seconds_more`` is the time
    that would decide if everything stays as it is, or the rest of the warm-up; None if that is unknown.
    """

    verdict: Verdict
    message: str
    method: str = ""
    alpha: float | None = None
    stable: Counts | None = None
    candidate: Counts | None = None
    interval: tuple[float, float] | None = None
    points: tuple[EvidencePoint, ...] = ()
    breached_after: float | None = None
    seconds_more: float | None = None
    notes: tuple[str, ...] = ()


def strongest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the strongest of some verdicts; inconclusive if there is none."""
    return min(verdicts, key=STRONGEST.index, default="inconclusive")


def seconds_more(points: Sequence[EvidencePoint]) -> float | None:
    """Return the time until the nearer verdict, if the evidence grows on as it did on average.

    None if it does not grow, or so slowly that it would take years.
    """
    last = points[-1]
    shares = [share for share in (last.ok, last.breach) if 0 < share < 1]
    times = ((1 - share) * last.seconds / share for share in shares)
    return min((each for each in times if each <= _LONGEST_WAIT), default=None)
