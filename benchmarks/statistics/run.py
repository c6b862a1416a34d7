"""Measures the error rates of the tests of the gate, in simulations with fixed seeds.

Prints the tables of docs/statistics.md.
"""

from __future__ import annotations

import argparse

import bursts
import delays
import disturbances
import late_failures
import power
import wrong_splits

TABLES = (delays, power, disturbances, bursts, wrong_splits, late_failures)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="simulated stages of each case (default: 2000)")
    chosen = parser.parse_args()
    for each in TABLES:
        print(f"### {each.TITLE}\n\n{each.measure(chosen.runs)}\n", flush=True)


if __name__ == "__main__":
    main()
