"""The report of drift as series that Prometheus can scrape from a file or a gateway."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from rollout_spec.core.text import escape
from rollout_spec.domain.drift.report import DriftReport

VERDICTS = ("breach", "inconclusive", "no-data", "ok")
_LONGEST = 200

_Family = tuple[str, str, Sequence[tuple[Mapping[str, str], float]]]
"""The name of a series, its description, and its samples."""


def drift_openmetrics(report: DriftReport) -> str:
    """Return the series. A value that is unknown has no series."""
    return "".join(line + "\n" for line in (*_lines(report), "# EOF"))


def _lines(report: DriftReport) -> Iterator[str]:
    own = {"workspace": report.workspace, "rollout": report.rollout, "version": report.version}
    for name, text, samples in (*_of_features(report), *_of_report(report)):
        yield f"# TYPE rollout_spec_drift_{name} gauge"
        yield f"# HELP rollout_spec_drift_{name} {text}"
        for labels, value in samples:
            if math.isfinite(value):
                yield f"rollout_spec_drift_{name}{{{_labels(own | dict(labels))}}} {value!r}"


def _of_features(report: DriftReport) -> Iterator[_Family]:
    features = report.features
    indexes = [({"feature": each.name}, each.psi) for each in features if each.psi is not None]
    noises = [({"feature": each.name}, each.noise) for each in features if each.noise is not None]
    shares = [
        ({"feature": each.name, "measure": measure.measure.replace(" ", "_")}, measure.value)
        for each in features
        for measure in each.measures
        if measure.measure != "distribution"
    ]
    verdicts = [
        ({"feature": each.name, "verdict": verdict}, float(each.verdict == verdict))
        for each in features
        for verdict in VERDICTS
    ]
    yield "psi", "The population stability index of a feature.", indexes
    yield "psi_noise", "The index that equal distributions stay below in 95% of all cases.", noises
    yield "share_change", "The change of a share of values, as a fraction of 1.", shares
    yield "feature_verdict", "1 for the verdict on a feature, else 0.", verdicts


def _of_report(report: DriftReport) -> Iterator[_Family]:
    verdicts = [({"verdict": verdict}, float(report.verdict == verdict)) for verdict in VERDICTS]
    limits = [({"measure": "psi"}, report.limits.psi), ({"measure": "share"}, report.limits.share)]
    sides = [({"side": "window"}, float(report.window.rows)), ({"side": "reference"}, float(report.reference.rows))]
    yield "verdict", "1 for the verdict on all features, else 0.", verdicts
    yield "limit", "The accepted change.", limits
    yield "rows", "The compared rows.", sides
    yield "timestamp_seconds", "The time of the comparison.", [({}, report.at.timestamp())]


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_value(text)}"' for name, text in labels.items())


def _value(text: str) -> str:
    """Return the value of a label: no line end or quotation mark can end it.

    Different texts stay different: callers choose the names of features, and two equal series make the file invalid.
    """
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…{sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"
    printable = escape(text.replace("\\", "\\\\"))
    return printable.replace("\\", "\\\\").replace('"', '\\"')
