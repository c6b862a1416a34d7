"""Measures the drift and divergence reports on DuckDB beside a plain computation with pandas, in one run.

Each measurement is a process of its own: seconds, rows per second, and the peak of its resident memory. "Beyond" is
that peak without the memory that DuckDB may use and without the imports, which are measured in a process that does
nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drift_data

MEMORY = 1024
"""The memory of DuckDB, in MiB."""


def only_imports(folder: Path) -> None:
    """Connect to DuckDB and read nothing."""
    from rollout_spec.integrations.engines import connect

    with connect("duckdb", folder / "spill", f"{MEMORY}MiB"):
        pass


def drift(folder: Path) -> None:
    """Compare the candidate's half with stable's, as the command does."""
    from rollout_spec.core.drift import RowFilter
    from rollout_spec.domain.drift.features import Limits
    from rollout_spec.domain.drift.report import judge_features
    from rollout_spec.integrations.engines import connect
    from rollout_spec.integrations.engines.drift import count_drift

    with connect("duckdb", folder / "spill", f"{MEMORY}MiB") as engine:
        log = engine.read([str(folder / drift_data.LOG)])
        counts = count_drift(engine, log, log, RowFilter("41"), RowFilter("42"))
        verdicts = judge_features(counts, Limits())
    assert len(verdicts) == drift_data.FEATURES
    assert [feature.name for feature in verdicts if feature.verdict == "breach"] == [drift_data.SHIFTED]


def divergence(folder: Path) -> None:
    """Count the pairs of a score and of a class, by segment."""
    from rollout_spec.domain.divergence.report import judge_divergence
    from rollout_spec.integrations.engines import connect
    from rollout_spec.integrations.engines.divergence import count_divergence

    with connect("duckdb", folder / "spill", f"{MEMORY}MiB") as engine:
        pairs = engine.read([str(folder / drift_data.PAIRS)])
        report = judge_divergence(count_divergence(engine, pairs, {"score": "score", "label": "class"}))
    assert [output.rows > 0 for output in report.totals] == [True, True]


def pandas_drift(folder: Path) -> None:
    """Read the same columns at once, then edges, counts, mean and deviation of each feature."""
    import numpy as np
    import pandas as pd

    frame = pd.read_parquet(folder / drift_data.LOG, columns=["version", *drift_data.names()])
    old, new = (frame[frame["version"] == version] for version in ("41", "42"))
    for name in drift_data.names():
        first, second = old[name].dropna(), new[name].dropna()
        if first.dtype.kind == "f":
            edges = np.unique(np.quantile(first, np.arange(1, 10) / 10))
            bins = [np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (first, second)]
            shares = [(side + 0.5) / (side.sum() + len(side) / 2) for side in bins]
            _ = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum(), second.mean(), second.std()
        else:
            _ = first.value_counts(normalize=True), second.value_counts(normalize=True)


def pandas_divergence(folder: Path) -> None:
    """Read the same columns at once, then the same measures by output, arm and segment."""
    import numpy as np
    import pandas as pd

    columns = ["output", "arm", "segment", "logged_number", "replayed_number", "logged_text", "replayed_text"]
    frame = pd.read_parquet(folder / drift_data.PAIRS, columns=columns)
    frame["moved"] = (frame["replayed_number"] - frame["logged_number"]).abs()
    frame["changed"] = frame["logged_text"] != frame["replayed_text"]
    for keys in (["output", "arm"], ["output", "arm", "segment"]):
        grouped = frame.groupby(keys)
        _ = (
            grouped["moved"].agg(["mean", "std"]),
            grouped["changed"].mean(),
            grouped["moved"].quantile([0.5, 0.9, 0.99]),
        )
        for column in ("logged_number", "replayed_number"):
            _ = frame.assign(bin=np.floor(frame[column] * 100)).groupby([*keys, "bin"]).size()
        _ = frame.groupby([*keys, "logged_text", "replayed_text"]).size()


STEPS: dict[str, Callable[[Path], None]] = {
    "imports": only_imports,
    "drift, DuckDB": drift,
    "drift, pandas": pandas_drift,
    "divergence, DuckDB": divergence,
    "divergence, pandas": pandas_divergence,
}


def run_step(name: str, folder: Path) -> dict[str, Any]:
    """Run a step in a process of its own, and return its seconds and its peak in MiB."""
    command = [sys.executable, __file__, "--step", name, "--folder", str(folder)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def step_in_child(name: str, folder: Path) -> None:
    """Run a step, and print its figures."""
    start = time.monotonic()
    STEPS[name](folder)
    seconds = time.monotonic() - start
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"seconds": seconds, "peak": int(peak.split()[1]) / 1024}))


def main() -> None:
    """Make the data, and print a row for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of each table (default: 10,000,000)")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="a folder with the data of an earlier run, or for that of this one")
    chosen = parser.parse_args()
    if chosen.step:
        step_in_child(chosen.step, chosen.folder)
        return
    with tempfile.TemporaryDirectory(prefix="rollout-spec-drift-") as temporary:
        folder = chosen.folder or Path(temporary)
        (folder / "spill").mkdir(parents=True, exist_ok=True)
        drift_data.write(folder, chosen.rows)
        base = run_step("imports", folder)["peak"]
        print(f"{chosen.rows:,} rows; the imports alone: {base:.0f} MiB\n")
        print("| | seconds | rows per second | peak, MiB | beyond, MiB |\n| --- | ---: | ---: | ---: | ---: |")
        for name in list(STEPS)[1:]:
            found = run_step(name, folder)
            beyond = f"{max(found['peak'] - base - MEMORY, 0):.0f}" if "DuckDB" in name else ""
            rate = chosen.rows / found["seconds"]
            print(f"| {name} | {found['seconds']:.1f} | {rate:,.0f} | {found['peak']:.0f} | {beyond} |", flush=True)


if __name__ == "__main__":
    main()
