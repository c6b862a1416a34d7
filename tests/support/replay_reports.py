"""Reports of replays whose texts are chosen by a test."""

from __future__ import annotations

from typing import Any

from rollout_spec.core.divergence import ClassPair
from rollout_spec.core.inference import UnreadableRecord
from rollout_spec.core.replay import ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.domain.divergence.report import DivergenceReport, Measure, OutputDivergence
from rollout_spec.domain.replay.histograms import difference_histograms
from rollout_spec.domain.replay.observations import Observations
from rollout_spec.domain.replay.output_forms import OutputForm
from rollout_spec.domain.replay.pairs import PairRow
from rollout_spec.domain.replay.report import LogFigures, ReplayReport, ReplayTarget


def report_with(text: str, **changes: Any) -> ReplayReport:
    """Return a report with a score, a class and a text, all of whose logged values are one text."""
    observations = Observations()
    request = ReplayedRequest("failed", 0, text, (), ReplayedAnswer((), 3.0), 2.0, segment=text)
    rows = [
        PairRow(request, 0, f"{text}1", "score", 0.25, 0.75, None, {}),
        PairRow(request, 0, f"{text}2", "class", text, f"{text}!", None, {}),
        PairRow(request, 0, f"{text}3", "text", text, f"{text}?", None, {"edit_ratio": 0.5}),
    ]
    observations.add(request, rows)
    observations.add(request, ReplayFailure("server-error", text))
    main = Measure("flip rate", 0.5, (0.25, 0.75), 0.0, 0.5, (0.2, 0.8), None, True, True)
    other = Measure("PSI", 0.3, limit=0.1)
    outputs = [
        OutputDivergence(row.output, row.kind, segment, 1, 0, 0, (main, other), (ClassPair(text, f"{text}!", 1),))
        for segment in (None, text)
        for row in rows
    ]
    log = LogFigures(records=2, replayed=2)
    log.add_unreadable(UnreadableRecord(text, 7, text))
    fields: dict[str, Any] = {
        "workspace": "acme-models",
        "rollout": "fraud",
        "failed": "42",
        "restored": "41",
        "incident": "fraud-42",
        "target": ReplayTarget("http://127.0.0.1:8080", "v2", text, 10.0, 4, 2, 0.2),
        "logs": (text,),
        "log_figures": log,
        "arms": observations.arms,
        "forms": tuple(OutputForm(row.output, "text", 1, {row.output: row.kind}, text) for row in rows),
        "divergence": DivergenceReport(tuple(outputs)),
        "histograms": difference_histograms(observations.differences),
        "moved": observations.moved,
        "limit": 1000,
        "notes": (text or "-",),
        "inputs": {text: text},
    }
    return ReplayReport(**{**fields, **changes})
