"""The report of a replay: how far the answers of two versions diverge, beside the noise floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollout_spec.core.divergence import ClassPair, DivergenceCounts, GroupCounts, Labelled, OutputKind
from rollout_spec.domain.divergence.measures import CONFIDENCE, Amount, amounts_of
from rollout_spec.domain.statistics import exact

__all__ = ["CONFIDENCE", "DivergenceReport", "Measure", "OutputDivergence", "judge_divergence"]


@dataclass(frozen=True)
class Measure:
    """One measure of divergence, such as the share of changed classes.

    ``interval`` contains the value with `CONFIDENCE`, None if it has none. ``floor`` is the measure of the restored
    version's own replayed requests, None without such rows, ``excess`` the value minus it. ``excess_interval`` is that
    of the difference. ``limit`` is the value that equal versions stay below with `CONFIDENCE`, if it is known.
    ``is_share``: the value is a share of rows. ``is_main``: it is the measure that sums up its kind of output.
    """

    name: str
    value: float
    interval: tuple[float, float] | None = None
    floor: float | None = None
    excess: float | None = None
    excess_interval: tuple[float, float] | None = None
    limit: float | None = None
    is_share: bool = False
    is_main: bool = False


@dataclass(frozen=True)
class OutputDivergence:
    """The divergence of one output. ``segment`` is None for all rows together.

    ``rows`` are the failed version's replayed rows, ``floor_rows`` the restored version's own. ``unusable`` rows lack
    a value, or have NaN, in one of both answers. ``labelled`` rows have a label, and ``labels_p`` is the probability
    that both versions are right equally often (McNemar).
    """

    output: str
    kind: OutputKind
    segment: str | None
    rows: int
    floor_rows: int
    unusable: int
    measures: tuple[Measure, ...]
    pairs: tuple[ClassPair, ...] = ()
    other_pairs: int = 0
    labelled: Labelled | None = None
    labels_p: float | None = None
    logged_bins: tuple[int, ...] = ()
    replayed_bins: tuple[int, ...] = ()

    @property
    def main(self) -> Measure | None:
        """The measure that sums up the output, None if no row could be compared."""
        return next((measure for measure in self.measures if measure.is_main), None)


@dataclass(frozen=True)
class DivergenceReport:
    """The divergence of all outputs: first those of all rows, then by segment, the largest segment first."""

    outputs: tuple[OutputDivergence, ...]
    segments_left_out: int = 0

    @property
    def totals(self) -> tuple[OutputDivergence, ...]:
        """The outputs over all segments."""
        return tuple(output for output in self.outputs if output.segment is None)


def judge_divergence(counts: DivergenceCounts) -> DivergenceReport:
    """Return the report of the counts of a replay."""
    floors = {(group.output, group.segment): group for group in counts.groups if group.arm == "floor"}
    failed = [group for group in counts.groups if group.arm == "failed"]
    failed.sort(key=lambda group: (group.segment is not None, -group.rows, group.segment or "", group.output))
    outputs = tuple(_output(group, floors.get((group.output, group.segment))) for group in failed)
    return DivergenceReport(outputs, counts.segments_left_out)


def _output(group: GroupCounts, floor: GroupCounts | None) -> OutputDivergence:
    labels = group.labelled
    return OutputDivergence(
        output=group.output,
        kind=group.kind,
        segment=group.segment,
        rows=group.rows,
        floor_rows=floor.rows if floor else 0,
        unusable=group.unusable,
        measures=tuple(_measures(group, floor)),
        pairs=group.pairs,
        other_pairs=group.other_pairs,
        labelled=labels,
        labels_p=exact.mcnemar(labels.only_logged_right, labels.only_replayed_right) if labels else None,
        logged_bins=group.logged_bins,
        replayed_bins=group.replayed_bins,
    )


def _measures(group: GroupCounts, floor: GroupCounts | None) -> Iterator[Measure]:
    floors = {amount.name: amount for amount in amounts_of(floor)} if floor else {}
    for amount in amounts_of(group):
        below = floors.get(amount.name)
        yield Measure(
            name=amount.name,
            value=amount.value,
            interval=amount.interval,
            floor=below.value if below else None,
            excess=amount.value - below.value if below else None,
            excess_interval=_difference(amount, below) if below else None,
            limit=amount.limit,
            is_share=amount.is_share,
            is_main=amount.is_main,
        )


def _difference(amount: Amount, floor: Amount) -> tuple[float, float] | None:
    """Return an interval of a difference from the intervals of both.

    Source: Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10.
    """
    if amount.interval is None or floor.interval is None:
        return None
    value = amount.value - floor.value
    down = ((amount.value - amount.interval[0]) ** 2 + (floor.interval[1] - floor.value) ** 2) ** 0.5
    up = ((amount.interval[1] - amount.value) ** 2 + (floor.value - floor.interval[0]) ** 2) ** 0.5
    return value - down, value + up
