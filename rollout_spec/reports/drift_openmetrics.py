"""The report of drift as series that Prometheus can scrape from a file or a gateway."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from rollout_spec.core.text import escape
from rollout_spec.domain.drift.report import DriftReport

VERDICTS = ("breach", "inconclusive", "no-data", "ok")
_LONGEST = 200

_Sample = tuple[Mapping[str, str], float]


def drift_openmetrics(report: DriftReport) -> str:
    """Return the series. A value that is unknown has no series."""
    return "".join(line + "\n" for line in (*_lines(report), "# EOF"))


def _lines(report: DriftReport) -> Iterator[str]:
    own = {"workspace": report.workspace, "rollout": report.rollout, "version": report.version}

    def family(name: str, text: str, samples: Iterable[_Sample]) -> Iterator[str]:
        yield f"# TYPE rollout_spec_drift_{name} gauge"
        yield f"# HELP rollout_spec_drift_{name} {text}"
        for labels, value in samples:
            if math.isfinite(value):
                yield f"rollout_spec_drift_{name}{{{_labels(own | dict(labels))}}} {value!r}"

    features = report.features
    indexes = [({"feature": each.name}, each.psi if each.psi is not None else math.nan) for each in features]
    noises = [({"feature": each.name}, each.noise if each.noise is not None else math.nan) for each in features]
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
    limits = report.limits
    yield from family("psi", "The population stability index of a feature.", indexes)
    yield from family("psi_noise", "The index that equal distributions stay below in 95% of all cases.", noises)
    yield from family("share_change", "The change of a share of values, as a fraction of 1.", shares)
    yield from family("feature_verdict", "1 for the verdict on a feature, else 0.", verdicts)
    yield from family(
        "verdict",
        "1 for the verdict on all features, else 0.",
        [({"verdict": verdict}, float(report.verdict == verdict)) for verdict in VERDICTS],
    )
    yield from family(
        "limit", "The accepted change.", [({"measure": "psi"}, limits.psi), ({"measure": "share"}, limits.share)]
    )
    sides = [({"side": "window"}, report.window.rows), ({"side": "reference"}, report.reference.rows)]
    yield from family("rows", "The compared rows.", [(labels, float(rows)) for labels, rows in sides])
    yield from family("timestamp_seconds", "The time of the comparison.", [({}, report.at.timestamp())])


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_value(text)}"' for name, text in labels.items())


def _value(text: str) -> str:
    """Return the value of a label: no line end or quotation mark can end it. Long ones stay different."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…{sha256(text.encode(errors='replace')).hexdigest()[:16]}"
    return escape(text).replace("\\", "\\\\").replace('"', '\\"')
