"""The page: heading, main figures, the replayed requests, and a section for each output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from rollout_spec.core.divergence import Arm
from rollout_spec.core.replay import FAILURES
from rollout_spec.domain.replay.observations import ArmFigures, FailureExample
from rollout_spec.domain.replay.report import ReplayReport, amount, latency_of
from rollout_spec.reports.replay_html.markup import fill, join, short
from rollout_spec.reports.replay_html.output import output_section
from rollout_spec.reports.replay_html.style import STYLE
from rollout_spec.reports.replay_text import arm_name, heading, latency_line, log_line, target_line

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
<footer class="soft">Written by rollout-spec. This page loads nothing and runs no script. Figures of a replay say how
far answers differ, not which answer is right.</footer>
</main>
</body>
</html>
"""
_MOST_TILES = 4


def replay_html(report: ReplayReport) -> str:
    """Return the page. Every logged value in it is escaped."""
    title = heading(report)
    parts = [
        fill("<h1>{title}</h1>", title=title),
        fill('<p class="soft">{line}</p>', line=f"Workspace {report.workspace}. Server {target_line(report)}."),
        *(fill('<p class="bad">{note}</p>', note=note[0].upper() + note[1:] + ".") for note in report.notes),
        fill('<div class="tiles">{tiles}</div>', tiles=join(_tiles(report))),
        *(output_section(report, output) for output in report.divergence.totals),
        _requests(report),
    ]
    return str(
        fill(
            _PAGE,
            policy=_POLICY,
            title=title,
            style=fill(STYLE.replace("{", "{{").replace("}", "}}")),
            body=join(parts),
        )
    )


def _tiles(report: ReplayReport) -> Iterator[Markup]:
    failed = report.arms["failed"]
    for output in report.divergence.totals[:_MOST_TILES]:
        main = output.main
        if main is not None:
            floor = amount(main.floor, is_share=main.is_share) if main.floor is not None else "unknown"
            low, high = (amount(bound, is_share=main.is_share) for bound in main.interval or (None, None))
            detail = f"{low} to {high}; noise floor {floor}"
            yield _tile(f"{short(output.output, 40)}: {main.name}", amount(main.value, is_share=main.is_share), detail)
    share = f"{failed.failed:,} failed" if failed.failed else "none failed"
    yield _tile("requests compared", f"{failed.compared:,}", f"of {failed.requests:,} of {report.failed}; {share}")
    latency = latency_of(failed)
    if latency is not None and latency.ratio is not None:
        detail = f"{latency.replayed[0]:.3g} ms; logged {latency.logged[0]:.3g} ms, of another network"
        yield _tile("median time, replayed to logged", f"{latency.ratio:.3g} ×", detail)


def _tile(name: str, value: str, detail: str) -> Markup:
    template = (
        '<div class="tile"><span class="soft">{name}</span><b>{value}</b><span class="soft">{detail}</span></div>'
    )
    return fill(template, name=name, value=value, detail=detail)


def _requests(report: ReplayReport) -> Markup:
    logs = join((fill("<p><code>{address}</code></p>", address=address) for address in report.logs), "")
    parts = [
        fill("<h2>Replayed requests</h2><p>{line}.</p>{logs}", line=log_line(report), logs=logs),
        *(_arm(arm_name(report, arm), figures) for arm, figures in _arms(report)),
    ]
    times = latency_line(report)
    if times is not None:
        parts.append(fill("<h3>Time</h3><p>{line}.</p>", line=times[0].upper() + times[1:]))
    unreadable = report.log_figures.examples
    if unreadable:
        lines = (
            fill(
                "<tr><td>{file}:{line}</td><td>{reason}</td></tr>",
                file=short(each.file),
                line=each.line,
                reason=each.reason,
            )
            for each in unreadable
        )
        parts.append(fill("<h3>Unreadable records</h3><table>{lines}</table>", lines=join(lines)))
    return fill("<section>{body}</section>", body=join(parts))


def _arms(report: ReplayReport) -> list[tuple[Arm, ArmFigures]]:
    return list(report.arms.items())


def _arm(name: str, figures: ArmFigures) -> Markup:
    line = f"{figures.compared:,} of {figures.requests:,} compared ({figures.rows:,} rows), {figures.failed:,} failed"
    head = fill("<h3>{name}</h3><p>{line}.</p>", name=name[0].upper() + name[1:], line=line)
    if not figures.failures:
        return head
    row = '<tr><td>{kind}</td><td class="number">{number:,}</td><td>{text}{examples}</td></tr>'
    rows = (
        fill(row, kind=kind, number=number, text=FAILURES[kind], examples=_examples(figures.examples[kind]))
        for kind, number in figures.by_kind
    )
    template = (
        '{head}<div class="scroll"><table><thead><tr><th>failure</th><th class="number">requests</th><th>meaning, and '
        "examples</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return fill(template, head=head, rows=join(rows))


def _examples(examples: Sequence[FailureExample]) -> Markup:
    template = '<p class="soft">{request}: {message}</p>'
    return join((fill(template, request=short(each.request_id), message=each.message) for each in examples), "")
