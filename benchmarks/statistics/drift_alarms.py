"""Windows that equal their reference: every alarm about drift is false."""

from __future__ import annotations

import numpy as np
from drift_windows import data_sets, draw
from outcomes import table

TITLE = "Drift: equal windows"
ROWS = (200, 500, 1_000, 5_000)


def measure(runs: int) -> str:
    """Return the table: false alarms by the data and the rows of a window and of its reference."""
    rows = []
    for name, columns in data_sets().items():
        for size in ROWS:
            generator = np.random.default_rng(700 + size)
            drawn = [draw(columns, size, generator) for _ in range(runs)]
            features = [feature for each in drawn for feature in each.features]
            above = sum((feature.psi or 0.0) > 0.1 for feature in features)
            shares = (
                sum(each.is_breach for each in drawn) / runs,
                sum(each.is_above_limit for each in drawn) / runs,
                above / len(features),
                sum(feature.verdict == "ok" for feature in features) / len(features),
            )
            head = f"{name}, {len(columns)} features, {size:,} rows"
            rows.append([head, *(f"{share:.1%}" for share in shares)])
    return table(["data", "breach", "any PSI above 0.1", "a feature's PSI above 0.1", "a feature is ok"], rows)
