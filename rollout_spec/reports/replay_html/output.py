"""The section of one output: its divergence by segment, its figures, and the rows that moved most."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from rollout_spec.domain.divergence.report import Measure, OutputDivergence
from rollout_spec.domain.replay.observations import MovedRow
from rollout_spec.domain.replay.report import ReplayReport, amount
from rollout_spec.reports.replay_html.charts import difference_charts, interval_rows, score_chart
from rollout_spec.reports.replay_html.classes import class_table
from rollout_spec.reports.replay_html.markup import fill, join, short
from rollout_spec.reports.replay_text import labels_line

_MOST_SEGMENTS = 12


def output_section(report: ReplayReport, output: OutputDivergence) -> Markup:
    """Return the heading, the charts and the tables of an output."""
    form = next((each for each in report.forms if output.output in each.columns), None)
    head = fill(
        '<h2>{name} <span class="kind">{kind}</span></h2><p class="soft">{reason}</p>',
        name=short(output.output, 80),
        kind=output.kind,
        reason=f"Recognised as a {output.kind}: {form.reason}." if form else "",
    )
    return fill("<section>{body}</section>", body=join([head, *_parts(report, output)]))


def _parts(report: ReplayReport, output: OutputDivergence) -> Iterator[Markup]:
    if output.main is None:
        yield fill("<p>No row of this output could be compared.</p>")
        return
    segments = report.segments_of(output.output)
    yield fill("<h3>{title}</h3>", title=_title(output.main))
    yield interval_rows(output, segments[:_MOST_SEGMENTS])
    yield fill('<p class="soft">{text}</p>', text=_legend(report, output, len(segments)))
    labels = labels_line(output)
    if labels is not None:
        yield fill("<p>{line}.</p>", line=labels[0].upper() + labels[1:])
    yield from _charts(report, output)
    yield _measures(output)
    moved = [row for row in report.moved if row.output == output.output]
    if moved:
        yield _moved(report, moved)


def _title(main: Measure) -> str:
    return f"{main.name[0].upper()}{main.name[1:]}, by segment"


def _legend(report: ReplayReport, output: OutputDivergence, segments: int) -> str:
    text = "Dot and bar: the value and its 95% interval."
    if output.floor_rows:
        text += f" Grey mark: the noise floor, {report.restored}'s own requests replayed ({output.floor_rows:,} rows)."
    else:
        text += f" The noise floor is unknown: no request of {report.restored} itself was compared."
    left_out = max(segments - _MOST_SEGMENTS, 0) + report.divergence.segments_left_out
    return text + (f" {left_out:,} smaller segments are left out." if left_out else "")


def _charts(report: ReplayReport, output: OutputDivergence) -> Iterator[Markup]:
    if output.kind == "class":
        yield fill("<h3>From the logged to the replayed class, in rows</h3>")
        yield class_table(output)
    histogram = next((each for each in report.histograms if each.output == output.output), None)
    if histogram is not None:
        yield fill("<h3>Replayed minus logged value</h3>")
        charts = difference_charts(histogram, report.failed, report.restored)
        yield fill('<div class="pair">{charts}</div>', charts=charts)
    if output.kind == "score" and any(output.logged_bins):
        yield fill("<h3>Distribution of the scores of {failed}'s requests</h3>", failed=report.failed)
        yield score_chart(output)


def _measures(output: OutputDivergence) -> Markup:
    rows = (
        fill(
            '<tr><td>{name}</td><td class="number">{value}</td><td class="number">{interval}</td>'
            '<td class="number">{floor}</td><td class="number">{excess}</td></tr>',
            name=measure.name + (f" (equal versions: below {amount(measure.limit)})" if measure.limit else ""),
            value=amount(measure.value, is_share=measure.is_share),
            interval=_interval(measure.interval, measure),
            floor=amount(measure.floor, is_share=measure.is_share),
            excess=_excess(measure),
        )
        for measure in output.measures
    )
    return fill(
        '<h3>All measures</h3><div class="scroll"><table><thead><tr><th>measure</th><th class="number">value</th>'
        '<th class="number">95% interval</th><th class="number">noise floor</th>'
        '<th class="number">beyond the floor</th>'
        "</tr></thead><tbody>{rows}</tbody></table></div>",
        rows=join(rows),
    )


def _excess(measure: Measure) -> str:
    text = amount(measure.excess, is_share=measure.is_share)
    interval = _interval(measure.excess_interval, measure)
    return text if measure.excess_interval is None else f"{text} ({interval})"


def _interval(interval: tuple[float, float] | None, measure: Measure) -> str:
    if interval is None:
        return "-"
    return " to ".join(amount(bound, is_share=measure.is_share) for bound in interval)


def _moved(report: ReplayReport, moved: list[MovedRow]) -> Markup:
    has_segments = any(row.segment is not None for row in moved)
    rows = []
    for row in moved:
        inputs = report.inputs.get(row.request_id)
        rows.append(
            fill(
                '<tr><td class="id">{request}{inputs}</td>{segment}<td class="value">{logged}</td>'
                '<td class="value">{replayed}</td></tr>',
                request=short(row.request_id) + (f", row {row.row}" if row.row else ""),
                segment=fill("<td>{name}</td>", name=short(row.segment or "", 40)) if has_segments else Markup(),
                logged=_shown(row.logged, row),
                replayed=_shown(row.replayed, row),
                inputs=_inputs(inputs) if inputs is not None else Markup(),
            )
        )
    head = fill("<th>segment</th>" if has_segments else "")
    return fill(
        '<h3>Requests that moved most</h3><div class="scroll"><table><thead><tr><th>request</th>{head}<th>logged</th>'
        "<th>replayed</th></tr></thead><tbody>{rows}</tbody></table></div>",
        head=head,
        rows=join(rows),
    )


def _inputs(inputs: str) -> Markup:
    return fill("<details><summary>inputs</summary><code>{inputs}</code></details>", inputs=inputs)


def _shown(text: str, row: MovedRow) -> str:
    """Return a value: numbers with four digits, others as they are."""
    if row.kind not in ("score", "number"):
        return text
    return amount(float(text)) if text else "-"
