"""Charts of the page: intervals by segment, and histograms.

Shapes are stretched to the width of the page, and texts are HTML beside them, so that they keep their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from rollout_spec.domain.divergence.report import Measure, OutputDivergence
from rollout_spec.domain.replay.histograms import DifferenceHistogram
from rollout_spec.domain.replay.report import amount
from rollout_spec.reports.replay_html.markup import fill, join, short

_HEIGHT = 100
_SCORE_BINS = 25
_ROW = (
    '<span class="name">{name}</span><div class="track" role="img" aria-label="{shown}">{track}</div>'
    '<span class="amount">{shown}</span>'
)


def interval_rows(total: OutputDivergence, segments: Sequence[OutputDivergence]) -> Markup:
    """Return the main measure, its interval and its noise floor, in all requests and by segment."""
    groups = [(each, each.main) for each in (total, *segments)]
    rows = [(each, main) for each, main in groups if main is not None]
    low, high = _span([main for _, main in rows])
    parts = []
    for each, main in rows:
        name = "all requests" if each.segment is None else short(each.segment, 40)
        track = _track(main, low, high)
        shown = f"{amount(main.value, is_share=main.is_share)} {'of' if main.is_share else 'in'} {each.rows:,} rows"
        parts.append(fill(_ROW, name=name, track=track, shown=shown))
    ends = (amount(end, is_share=rows[0][1].is_share) for end in (low, high))
    axis = join((fill("<span>{end}</span>", end=end) for end in ends), "")
    parts.append(fill('<div class="axis">{axis}</div>', axis=axis))
    return fill('<div class="forest">{rows}</div>', rows=join(parts))


def difference_charts(histogram: DifferenceHistogram, failed: str, restored: str) -> Markup:
    """Return the differences of both arms, each in a chart of its own over the same axis."""
    charts = [
        (f"requests of {failed}", histogram.failed, "bar"),
        (f"requests of {restored} itself: the noise floor", histogram.floor, "rest"),
    ]
    return join(
        _figure(name, _bars(counts, css, histogram.edges) + _zero(), _difference_axis(histogram.edges))
        for name, counts, css in charts
        if sum(counts)
    )


def score_chart(output: OutputDivergence) -> Markup:
    """Return the distribution of the logged and the replayed scores of the failed version's requests."""
    logged, replayed = (_merged(bins) for bins in (output.logged_bins, output.replayed_bins))
    edges = [at / _SCORE_BINS for at in range(_SCORE_BINS + 1)]
    highest = max(*logged, *replayed, 1)
    caption = Markup('<span class="key other"></span>logged &nbsp; <span class="key main"></span>replayed')
    shapes = _bars(logged, "rest", edges, highest) + _steps(replayed, highest)
    return _figure(caption, shapes, fill("<span>0</span><span>0.5</span><span>1</span>"))


def _span(measures: Sequence[Measure]) -> tuple[float, float]:
    """Return the ends of an axis that holds all values, intervals and floors, and 0."""
    values = [0.0]
    for measure in measures:
        values += [measure.value, *(measure.interval or ()), *([] if measure.floor is None else [measure.floor])]
    low, high = min(values), max(values)
    return low, high if high > low else low + 1.0


def _track(measure: Measure, low: float, high: float) -> Markup:
    def place(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    parts = []
    if measure.interval is not None:
        width = f"{100 * (measure.interval[1] - measure.interval[0]) / (high - low):.2f}%"
        parts.append(
            fill(
                '<i class="range" style="left:{left};width:{width}"></i>', left=place(measure.interval[0]), width=width
            )
        )
    if measure.floor is not None:
        parts.append(fill('<i class="floor" style="left:{left}"></i>', left=place(measure.floor)))
    parts.append(fill('<i class="dot" style="left:{left}"></i>', left=place(measure.value)))
    return join(parts, "")


def _figure(caption: str | Markup, shapes: Markup, axis: Markup) -> Markup:
    template = (
        '<figure><figcaption>{caption}</figcaption><svg viewBox="0 0 1000 100" preserveAspectRatio="none" '
        'aria-hidden="true">{shapes}</svg><div class="axis">{axis}</div></figure>'
    )
    return fill(template, caption=caption, shapes=shapes, axis=axis)


def _bars(counts: Sequence[int], css: str, edges: Sequence[float], highest: int | None = None) -> Markup:
    """Return bars with a gap between them. A bar with few rows is still visible."""
    top, step, total = highest or max(counts), 1000 / len(counts), sum(counts)
    bars = []
    for at, (number, (low, high)) in enumerate(zip(counts, pairwise(edges), strict=True)):
        if number:
            height = max(_HEIGHT * number / top, 1.5)
            title = f"{amount(low)} to {amount(high)}: {number:,} rows ({number / total:.1%})"
            bars.append(
                fill(
                    '<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
                    "<title>{title}</title></rect>",
                    css=css,
                    x=at * step + 1,
                    y=_HEIGHT - height,
                    width=step - 2,
                    height=height,
                    title=title,
                )
            )
    return join(bars, "")


def _steps(counts: Sequence[int], highest: int) -> Markup:
    step = 1000 / len(counts)
    path = "M0 100" + "".join(
        f"V{_HEIGHT - _HEIGHT * number / highest:.1f}H{(at + 1) * step:.1f}" for at, number in enumerate(counts)
    )
    return fill('<path class="step" d="{path}"/>', path=path)


def _zero() -> Markup:
    return fill('<path class="zero" d="M500 0V100"/>')


def _difference_axis(edges: Sequence[float]) -> Markup:
    """Return the ends of the axis. The outermost bins hold all differences beyond."""
    template = "<span>≤ {low}</span><span>0: the same answer</span><span>≥ {high}</span>"
    return fill(template, low=amount(edges[1]), high=amount(edges[-2]))


def _merged(bins: Sequence[int]) -> list[int]:
    size = max(len(bins) // _SCORE_BINS, 1)
    return [sum(bins[start : start + size]) for start in range(0, len(bins), size)]
