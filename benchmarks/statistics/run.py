"""Measures the error rates of the tests of the gate and of drift, in simulations with fixed seeds.

Prints the tables of docs/statistics.md and docs/drift.md.
"""

from __future__ import annotations

import argparse
from importlib import import_module

TABLES = (
    "delays",
    "power",
    "disturbances",
    "bursts",
    "wrong_splits",
    "late_failures",
    "judged",
    "drift_alarms",
    "drift_shifts",
)
"""The modules that each measure one table, in the order of the page."""


def main() -> None:
    """Print all tables, or some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=TABLES, help=f"(default: {' '.join(TABLES)})")
    parser.add_argument("--runs", type=int, default=2000, help="simulated stages of each case (default: 2000)")
    chosen = parser.parse_args()
    for name in chosen.tables:
        module = import_module(name)
        print(f"### {module.TITLE}\n\n{module.measure(chosen.runs)}\n", flush=True)


if __name__ == "__main__":
    main()
