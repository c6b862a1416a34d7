"""Windows in which one feature has changed: the share of windows in which that is found."""

from __future__ import annotations

import numpy as np
from drift_windows import Columns, Shift, data_sets, draw
from outcomes import table

TITLE = "Drift: one feature has changed"
ROWS = (200, 500, 1_000, 5_000)


def measure(runs: int) -> str:
    """Return the table: found changes by their kind and the rows of a window and of its reference."""
    sets = data_sets()
    cancer, discrete = sets["breast cancer"], sets["discrete"]
    names = [name for name in cancer if name != "input.x[0]"]
    normal = {"input.x[0]": np.random.default_rng(1).normal(0, 1, 20_000)} | {
        name: np.resize(cancer[name], 20_000) for name in names
    }
    cases: list[tuple[str, Columns, str, Shift]] = [
        ("mean by 0.5 standard deviations", normal, "input.x[0]", moved("input.x[0]", 0.5)),
        ("mean by 0.316: a PSI of 0.1", normal, "input.x[0]", moved("input.x[0]", 0.316)),
        ("mean by 0.1: a PSI of 0.01", normal, "input.x[0]", moved("input.x[0]", 0.1)),
        ("100 times as large", cancer, "input.x[0]", scaled("input.x[0]", 100)),
        ("a category vanishes", discrete, "input.size", without("input.size", "large")),
        ("a new category in 15%", discrete, "input.size", replaced("input.size", "new", 0.15)),
        ("15% are missing", cancer, "input.x[0]", missing("input.x[0]", 0.15)),
    ]
    rows = []
    for index, (head, columns, name, shift) in enumerate(cases):
        shares = []
        for size in ROWS:
            generator = np.random.default_rng(900 + 10 * index + size)
            drawn = [draw(columns, size, generator, shift) for _ in range(runs)]
            verdicts = [next(each.verdict for each in one.features if each.name == name) for one in drawn]
            shares += [verdicts.count("breach") / runs, verdicts.count("ok") / runs]
        rows.append([head, *(f"{share:.1%}" for share in shares)])
    return table(["change", *(text for size in ROWS for text in (f"{size:,} rows", f"{size:,}: ok"))], rows)


def moved(name: str, by: float) -> Shift:
    return lambda columns: columns | {name: columns[name] + by * np.nanstd(columns[name])}


def scaled(name: str, by: float) -> Shift:
    return lambda columns: columns | {name: columns[name] * by}


def without(name: str, category: str) -> Shift:
    def change(columns: Columns) -> Columns:
        kept = columns[name] != category
        others = columns[name][kept]
        return columns | {name: np.where(kept, columns[name], others[np.arange(len(kept)) % len(others)])}

    return change


def replaced(name: str, category: str, share: float) -> Shift:
    def change(columns: Columns) -> Columns:
        values = columns[name].copy()
        values[: round(share * len(values))] = category
        return columns | {name: values}

    return change


def missing(name: str, share: float) -> Shift:
    def change(columns: Columns) -> Columns:
        values = columns[name].copy()
        values[: round(share * len(values))] = np.nan
        return columns | {name: values}

    return change
