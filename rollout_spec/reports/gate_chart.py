"""The evidence of a gate over time, as a small SVG with a row for each counted trigger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from rollout_spec.domain.judgement.numbers import duration
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import TriggerVerdict
from rollout_spec.domain.judgement.verdicts import EvidencePoint
from rollout_spec.reports.gate_text import judged_time, summary

_WIDTH, _ROW, _TOP, _LEFT, _RIGHT = 720, 150, 56, 104, 24
_PLOT, _LINE, _MARGIN = 96, 20, 8
_HIGHEST = 1.25
"""The highest evidence that is drawn, in shares of the evidence that decides."""
_STYLE = """
    svg { font: 13px system-ui, sans-serif; --ink: #1f2328; --faint: #59636e; --grid: #d1d9e0; --paper: #ffffff;
      --breach: #c4321c; --ok: #1a7f37 }
    @media (prefers-color-scheme: dark) { svg { --ink: #f0f6fc; --faint: #9198a1; --grid: #3d444d; --paper: #0d1117;
      --breach: #ff7b72; --ok: #3fb950 } }
    .paper { fill: var(--paper) } text { fill: var(--ink) } .faint { fill: var(--faint); font-size: 11px }
    .title { font-weight: 600; font-size: 15px } .grid { stroke: var(--grid); fill: none }
    .limit { stroke-dasharray: 4 3 } .breach { stroke: var(--breach); fill: none; stroke-width: 2 }
    .ok { stroke: var(--ok); fill: none; stroke-width: 2 } .breach-text { fill: var(--breach); font-size: 11px }
    .ok-text { fill: var(--ok); font-size: 11px }
"""


def gate_chart(report: GateReport) -> str:
    """Return the chart. The line of a breach rises to its limit, that of ok falls to its own.

    Triggers without evidence over time are listed below.
    """
    drawn = [each for each in report.result.triggers if len(each.judgement.points) > 1]
    listed = [each for each in report.result.triggers if each not in drawn]
    bottom = _TOP + _ROW * len(drawn)
    height = bottom + _LINE * len(listed or [""]) + _MARGIN
    title = _text(summary(report))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{title}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="16" y="26">{title}</text>',
        f'<text class="faint" x="16" y="44">{_text(report.split)}, {judged_time(report)}</text>',
    ]
    for index, each in enumerate(drawn):
        parts += _row(each, _TOP + index * _ROW)
    lines = [f"{each.trigger.name}: {each.verdict}, without evidence over time" for each in listed]
    if not report.result.triggers:
        lines = ["No trigger is judged in this stage."]
    parts += (
        f'<text x="16" y="{bottom + 14 + index * _LINE}">{_text(each)}</text>' for index, each in enumerate(lines)
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(verdict: TriggerVerdict, top: int) -> Iterator[str]:
    points, middle = verdict.judgement.points, top + 24 + _PLOT / 2
    longest = points[-1].seconds or 1.0
    right = _WIDTH - _RIGHT
    yield f'<text x="16" y="{top + 14}">{_text(verdict.trigger.name)}: {verdict.verdict}</text>'
    for share, kind, name in ((1.0, "breach", "breach"), (0.0, "faint", "no evidence"), (-1.0, "ok", "ok")):
        y = _height(share, middle)
        css = "faint" if kind == "faint" else f"{kind}-text"
        yield f'<text class="{css}" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
        yield f'<path class="grid{" limit" if share else ""}" d="M{_LEFT} {y:.1f}H{right}"/>'
    yield f'<path class="breach" d="{_path(points, middle, longest, sign=1)}"/>'
    yield f'<path class="ok" d="{_path(points, middle, longest, sign=-1)}"/>'
    bottom = top + 24 + _PLOT + 14
    yield f'<text class="faint" x="{_LEFT}" y="{bottom}">0s</text>'
    yield f'<text class="faint" x="{right}" y="{bottom}" text-anchor="end">{duration(longest)} after the warm-up</text>'


def _path(points: Sequence[EvidencePoint], middle: float, longest: float, *, sign: int) -> str:
    places = [(0.0, 0.0)] + [(point.seconds, point.breach if sign > 0 else point.ok) for point in points]
    width = _WIDTH - _RIGHT - _LEFT
    steps = (
        f"{_LEFT + seconds / longest * width:.1f} {_height(sign * min(max(share, 0.0), _HIGHEST), middle):.1f}"
        for seconds, share in places
    )
    return "M" + "L".join(steps)


def _height(share: float, middle: float) -> float:
    return middle - share * _PLOT / 2 / _HIGHEST


def _text(text: str) -> str:
    """Return text for an SVG: escaped, without characters that XML cannot hold."""
    return escape(re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text))
