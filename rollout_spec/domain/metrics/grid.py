"""The moments at which the gate reads counters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rollout_spec.core.units import format_time
from rollout_spec.domain.metrics.selectors import duration

_PARTS_OF_A_HOLD = 240
_MOST_POINTS = 500


@dataclass(frozen=True)
class Grid:
    """Moments from ``first`` to ``last``, in seconds since 1970.

    They are multiples of ``step``, as in a subquery. ``start`` is the first judged moment, less than a step before
    ``first``, or the same.
    """

    start: float
    first: int
    last: int
    step: int

    @property
    def end(self) -> datetime:
        """The last moment, at which Prometheus evaluates the query."""
        return moment(self.last)

    @property
    def subquery(self) -> str:
        """The range of a subquery.

        It is half a step longer, because Prometheus 3 leaves out the first moment of a range.
        """
        length = timedelta(seconds=self.last - self.first + self.step / 2)
        return f"[{duration(length)}:{duration(timedelta(seconds=self.step))}]"


def grid(start: datetime, end: datetime, hold: timedelta | None) -> Grid | None:
    """Return the moments between two times, None if fewer than two fit in between.

    The step depends on the hold of the stage, and doubles if there would be too many moments. So a later grid of the
    same stage has the moments of an earlier one, or every second of them.
    """
    step = max(1, math.ceil(hold.total_seconds() / _PARTS_OF_A_HOLD)) if hold else 1
    begin, finish = start.timestamp(), end.timestamp()
    while (finish - begin) / step > _MOST_POINTS:
        step *= 2
    first, last = math.ceil(begin / step) * step, math.floor(finish / step) * step
    return Grid(begin, first, last, step) if first < last else None


def moment(seconds: float) -> datetime:
    """Return the time so many seconds after 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def clock(seconds: float) -> str:
    """Return that time as text."""
    return format_time(moment(seconds))
