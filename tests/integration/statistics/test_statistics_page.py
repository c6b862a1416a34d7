"""The pages about the statistics and drift: their examples, and the tables that simulations have measured."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import folders
import pytest
from oracles import oracle

from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.proportions import wilson

PAGE = folders.CHECKOUT / "docs" / "statistics.md"
PAGES = (PAGE, PAGE.with_name("drift.md"))
SIMULATIONS = folders.CHECKOUT / "benchmarks" / "statistics"
TABLES = sorted(path.stem for path in SIMULATIONS.glob("*.py") if "\nTITLE = " in path.read_text("utf-8"))
RUNS = {"bursts": 4, "judged": 1, "drift_alarms": 1, "drift_shifts": 2}
"""Simulated runs of the slow tables. The others have 12."""
PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
"""A share of runs at the start of a cell."""


def test_the_examples_on_the_page_are_right() -> None:
    failed, attempted = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert (failed, attempted > 30) == (0, True)


def rows_of(markdown: str) -> list[list[str]]:
    """Return the cells of a table, without the line below its head."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if set("".join(row)) - set("-:")]


def recorded(title: str) -> list[list[str]]:
    """Return the table below a heading of a page."""
    (page,) = (text for text in (page.read_text("utf-8") for page in PAGES) if f"### {title}\n" in text)
    section = page.split(f"### {title}\n")[1].split("\n#")[0]
    return rows_of(section)


@pytest.fixture
def simulations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tests import the simulations, which lie beside each other in one folder."""
    oracle("numpy")
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SIMULATIONS))
    yield
    for name in set(sys.modules) - before:
        if (SIMULATIONS / f"{name}.py").exists():
            del sys.modules[name]


def share_of(cell: str) -> float | None:
    match = PERCENT.match(cell)
    return float(match[1]) / 100 if match else None


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.usefixtures("simulations")
def test_a_recorded_table_agrees_with_a_few_runs(name: str) -> None:
    """Each recorded share lies in the interval of a few runs; one of 2,000 such intervals misses by chance."""
    module: Any = import_module(name)
    runs = RUNS.get(name, 12)
    known, measured = recorded(module.TITLE), rows_of(module.measure(runs))
    assert [row[0] for row in known] == [row[0] for row in measured]
    assert known[0] == measured[0]
    for old, new in zip(known[1:], measured[1:], strict=True):
        for head, was, now in zip(known[0][1:], old[1:], new[1:], strict=True):
            share, few = share_of(was), share_of(now)
            if share is None or few is None:
                assert (share, few) == (None, None), (old[0], head)
                continue
            low, high = wilson(Counts(round(few * runs), runs), 0.9995)
            assert low <= share <= high, (old[0], head, was, now)


def test_there_are_tables() -> None:
    assert len(TABLES) >= 6


@pytest.mark.usefixtures("simulations")
def test_all_tables_are_printed() -> None:
    assert sorted(import_module("run").TABLES) == TABLES
