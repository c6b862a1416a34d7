"""The planned split of requests between the arms, and whether the counted one agrees with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollout_spec.domain.judgement.numbers import percent
from rollout_spec.domain.statistics import sample_ratio
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.traffic import TrafficSplit

_LONGEST_DELAY = 600.0
"""The longest time for which the router may follow a stage later than its warm-up, in seconds."""


@dataclass(frozen=True)
class Arms:
    """The arms of a stage.

    ``share`` is the candidate's planned share of all counted requests, None if it is not known. ``has_control``:
    stable receives requests too.
    """

    stable: str
    candidate: str
    share: float | None
    has_control: bool


@dataclass(frozen=True)
class EarlierStage:
    """The ticks of an earlier stage of the candidate, which had a split of its own."""

    ticks: Sequence[Tick]
    arms: Arms


def arms_of(split: TrafficSplit) -> Arms:
    """Return the arms of a traffic split with a candidate.

    A mirrored request counts twice: the copy is a request to the candidate. The share is unknown if a header chooses
    the version, or if a part is mirrored while the candidate answers requests.
    """
    assert split.candidate is not None
    weight, mirror = float(split.weight) / 100, float(split.mirror) / 100
    share: float | None = None
    if split.match is None and not (weight and mirror):
        share = weight or mirror / (1 + mirror)
    return Arms(split.stable, split.candidate, share, has_control=weight < 1)


def totals(ticks: Sequence[Tick]) -> tuple[Counts, Counts]:
    """Return the sums of stable and of the candidate."""
    start = Counts(0, 0)
    return sum((tick.stable for tick in ticks), start), sum((tick.candidate for tick in ticks), start)


def since_split(ticks: Sequence[Tick], arms: Arms) -> Sequence[Tick]:
    """Return the ticks since the planned split is in force.

    The router may follow the commit some minutes later. Only requests are looked at, and not their events, so a later
    start is no evidence. The ticks from it on must be at least as many as those before: a split that is still wrong
    cannot be shown in the last few. All ticks are returned if no start within the first minutes gives the planned
    split.
    """
    for start in range(len(ticks) // 2 + 1):
        if start and ticks[start - 1].seconds > _LONGEST_DELAY:
            break
        if not any(wrong_splits(ticks[start:], arms)):
            return ticks[start:]
    return ticks


def wrong_splits(ticks: Sequence[Tick], arms: Arms) -> Iterator[bool]:
    """Yield for each tick whether the requests so far were split in another way than planned."""
    stable = candidate = 0.0
    for tick in ticks:
        stable, candidate = stable + tick.stable.total, candidate + tick.candidate.total
        yield bool(arms.has_control and arms.share) and sample_ratio.is_wrong(candidate, stable, arms.share or 0.5)


def split_problem(ticks: Sequence[Tick], arms: Arms) -> str | None:
    """Return how the counted split differs from the planned one, or None.

    Without a planned share it is not checked.
    """
    stable, candidate = totals(ticks)
    if not arms.has_control or not arms.share:
        return None
    if not sample_ratio.is_wrong(candidate.total, stable.total, arms.share):
        return None
    counted = candidate.total / (candidate.total + stable.total)
    return (
        f"{arms.candidate} received {percent(counted)} of the requests ({candidate.total:,.0f} of "
        f"{candidate.total + stable.total:,.0f}), but {percent(arms.share)} are planned"
    )
