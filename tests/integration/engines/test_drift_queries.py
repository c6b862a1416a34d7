"""Counts of features by DuckDB are those of numpy, for each kind of value."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from analysis_tables import START, write_table
from pyarrow import parquet

from rollout_spec.core.drift import FeatureCounts, RowFilter
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.engines import Engine, connect, queries
from rollout_spec.integrations.engines import drift as drift_queries
from rollout_spec.integrations.engines.drift import count_drift
from rollout_spec.integrations.engines.expressions import sampled

OLD, NEW = RowFilter("41"), RowFilter("42")
ROWS = 1_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with connect("duckdb", tmp_path_factory.mktemp("duckdb")) as connected:
        yield connected


def values(seed: int) -> dict[str, Any]:
    """Return a column of each kind: gaps, infinite values, ties, texts with trouble, truth values."""
    generator = np.random.default_rng(seed)
    amount = generator.normal(10, 3, ROWS)
    amount[:20], amount[20:30], amount[30] = np.nan, np.inf, -np.inf
    country = np.array(["de", "f'r", 'i"t', "", "\n</td>", "é" * 300])[generator.integers(0, 6, ROWS)].astype(object)
    return {
        "input.amount": pa.array(amount, mask=np.arange(ROWS) % 50 == 40),
        "input.count": pa.array(generator.poisson(1, ROWS)),
        "input.x[0]": pa.array(np.full(ROWS, 7.0)),
        "input.country": pa.array([None if index % 10 == 9 else text for index, text in enumerate(country)]),
        "input.is_new": pa.array(generator.random(ROWS) < 0.3),
        "output.score": pa.array(generator.random(ROWS)),
    }


@pytest.fixture(scope="module")
def counted(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tables")
    old, new = (
        write_table(folder / "[old].parquet", "41", values(1)),
        write_table(folder / "new.parquet", "42", values(2)),
    )
    both = engine.read([str(old), str(new)])
    return count_drift(engine, both, both, OLD, NEW)


def finite(column: Any) -> Any:
    known = column.drop_null().to_numpy(zero_copy_only=False).astype(float)
    return known[~np.isnan(known)]


@pytest.mark.parametrize("name", ["input.amount", "input.count", "input.x[0]", "output.score"])
def test_numbers_are_counted_as_by_numpy(counted: Any, name: str) -> None:
    old, new = finite(values(1)[name]), finite(values(2)[name])
    bins, found = counted.bins[name], counted.window[name]
    assert set(bins.edges) == set(np.quantile(old, np.arange(1, 10) / 10, method="lower")) - {old.max()}
    ends = [0, *((new <= edge).sum() for edge in bins.edges), len(new)]
    assert found.bins == tuple(np.diff(ends))
    assert found.missing == ROWS - len(new)
    inside = new[np.isfinite(new)]
    assert (found.below, found.above) == ((new < old.min()).sum(), (new > old.max()).sum())
    assert (found.low, found.high) == (inside.min(), inside.max())
    assert found.mean == pytest.approx(inside.mean(), rel=1e-12)
    assert found.deviation == pytest.approx(inside.std(ddof=1), rel=1e-12, abs=1e-12)
    assert sum(counted.reference[name].bins) == len(old)


def test_texts_are_counted_by_category(counted: Any) -> None:
    """A text counts with its first 200 characters; quotation marks and line ends are nothing special."""
    bins = counted.bins["input.country"]
    for side, seed in (("reference", 1), ("window", 2)):
        texts = [text[:200] for text in values(seed)["input.country"].to_pylist() if text is not None]
        found: FeatureCounts = getattr(counted, side)["input.country"]
        assert found.bins == (*(texts.count(category) for category in bins.categories), 0)
        assert (found.missing, found.unknown) == (100, 0)
    assert set(bins.known) == {"de", "f'r", 'i"t', "", "\n</td>", "é" * 200}


def test_truth_values_are_texts(counted: Any) -> None:
    found = counted.window["input.is_new"]
    true = sum(values(2)["input.is_new"].to_pylist())
    assert dict(zip(counted.bins["input.is_new"].categories, found.bins, strict=False)) == {
        "true": true,
        "false": ROWS - true,
    }


def test_the_rows_of_a_version_and_a_time_are_counted(engine: Engine, tmp_path: Path) -> None:
    table = engine.read([str(write_table(tmp_path / "a.parquet", "41", values(1)))])
    since, until = START + timedelta(seconds=100), START + timedelta(seconds=300)
    found = count_drift(engine, table, table, RowFilter("41", None, since), RowFilter("41", since, until))
    assert (found.reference_rows, found.window_rows) == (100, 200)
    nothing = count_drift(engine, table, table, OLD, NEW)
    assert (nothing.window_rows, nothing.window) == (0, {})
    assert count_drift(engine, table, table, NEW, OLD).bins == {}


def test_rows_without_a_version_or_a_time_are_counted(engine: Engine, tmp_path: Path) -> None:
    moments = [START + timedelta(seconds=index) if index % 5 else None for index in range(20)]
    times = pa.array(moments, type=pa.timestamp("us", tz="UTC"))
    path = write_table(tmp_path / "a.parquet", "42", {"input.a": np.arange(20.0)}, time=times)
    table = parquet.read_table(write_table(tmp_path / "b.parquet", "42", {"input.a": np.arange(2.0)}))
    parquet.write_table(table.set_column(4, "version", pa.nulls(2, pa.string())), tmp_path / "b.parquet")
    log = engine.read([str(path), str(tmp_path / "b.parquet")])
    found = count_drift(engine, log, log, OLD, RowFilter("42", since=START))
    assert (found.window_rows, found.unplaced_rows) == (16, 6)


def test_an_infinite_value_of_the_reference_is_in_its_range(engine: Engine, tmp_path: Path) -> None:
    inf = np.inf
    old = write_table(tmp_path / "a.parquet", "41", {"input.a": [-inf, 1.0, 2.0], "input.b": [inf, inf, inf]})
    new = write_table(tmp_path / "b.parquet", "42", {"input.a": [-inf, 3.0, inf], "input.b": [inf, 1.0, -inf]})
    found = count_drift(engine, engine.read([str(old)]), engine.read([str(new)]), OLD, NEW).window
    assert {name: (each.below, each.above) for name, each in found.items()} == {"input.a": (0, 2), "input.b": (2, 0)}


def test_new_categories_are_counted(engine: Engine, tmp_path: Path) -> None:
    old = write_table(tmp_path / "old.parquet", "41", {"input.c": ["a"] * 50 + ["b"] * 49 + ["once"]})
    new = write_table(tmp_path / "new.parquet", "42", {"input.c": ["a"] * 60 + ["z"] * 30 + [None] * 10})
    found = count_drift(engine, engine.read([str(old)]), engine.read([str(new)]), OLD, NEW)
    assert (found.bins["input.c"].singletons, found.window["input.c"].unknown) == (1, 30)
    assert found.window["input.c"].bins == (60, 0, 0, 30)


def test_many_categories_are_not_remembered(engine: Engine, tmp_path: Path) -> None:
    texts = [f"id-{index}" for index in range(drift_queries.MOST_KNOWN + 1)]
    path = write_table(tmp_path / "a.parquet", "41", {"input.id": texts})
    table = engine.read([str(path)])
    found = count_drift(engine, table, table, OLD, OLD)
    assert (found.bins["input.id"].known, found.window["input.id"].unknown) == ((), 0)
    assert len(found.window["input.id"].bins) == drift_queries.MOST_CATEGORIES + 1


def test_columns_of_one_side_or_of_another_type_are_left_out(engine: Engine, tmp_path: Path) -> None:
    old = write_table(
        tmp_path / "old.parquet", "41", {"input.a": [1.0] * 9, "input.b": ["x"] * 9, "input.c": [1.0] * 9}
    )
    new = write_table(
        tmp_path / "new.parquet", "42", {"input.a": [1.0] * 9, "input.b": [2.0] * 9, "input.d": [1.0] * 9}
    )
    found = count_drift(engine, engine.read([str(old)]), engine.read([str(new)]), OLD, NEW)
    assert list(found.bins) == ["input.a"]
    assert (found.only_in_reference, found.only_in_window) == (("input.b", "input.c"), ("input.b", "input.d"))


def test_a_sample_is_the_same_each_time_and_about_as_large_as_asked(engine: Engine, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.parquet", "41", {"input.a": np.arange(20_000.0)})
    table = engine.read([str(path)])
    first, second = (sampled(table, 5_000, 20_000)["input.a"].to_pyarrow().to_pylist() for _ in range(2))
    assert sorted(first) == sorted(second)
    assert 4_700 < len(first) < 5_300
    assert np.mean(first) == pytest.approx(10_000, rel=0.05)
    assert sampled(table, 20_000, 20_000) is table


def test_a_caller_cannot_choose_the_sample_by_its_ids(engine: Engine, tmp_path: Path) -> None:
    """Half of the rows have ids whose MD5 is among the smallest."""
    chosen = (str(n) for n in itertools.count() if md5(f"{n}/0".encode()).hexdigest() < "10")
    ids = [next(chosen) if index % 2 else f"r{index}" for index in range(4_000)]
    values = [float(index % 2) for index in range(4_000)]
    path = write_table(tmp_path / "a.parquet", "41", {"input.a": values}, request_id=ids)
    found = sampled(engine.read([str(path)]), 250, 4_000)["input.a"].to_pyarrow().to_pylist()
    assert len(found) < 400
    assert np.mean(found) == pytest.approx(0.5, abs=0.15)


def test_bins_come_from_the_sample_and_counts_from_all_rows(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_queries, "SAMPLE", 500)
    table = engine.read([str(write_table(tmp_path / "a.parquet", "41", {"input.a": np.arange(10_000.0)}))])
    found = count_drift(engine, table, table, OLD, OLD)
    assert 400 < found.bins["input.a"].sampled < 600
    assert found.reference["input.a"] == found.window["input.a"]
    assert sum(found.window["input.a"].bins) == 10_000
    assert found.reference["input.a"].high == 9_999


def test_more_features_than_one_query_holds(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_queries, "_COLUMNS", 3)
    columns = {f"input.x[{index}]": np.arange(60.0) + index for index in range(7)}
    table = engine.read([str(write_table(tmp_path / "a.parquet", "41", columns))])
    found = count_drift(engine, table, table, OLD, OLD)
    assert [found.window[name].low for name in columns] == [float(index) for index in range(7)]


def test_nan_is_missing_although_arrow_leaves_it_out_of_its_statistics(engine: Engine, tmp_path: Path) -> None:
    """DuckDB reads the bounds of a column, and would take the test for NaN for false."""
    path = write_table(tmp_path / "a.parquet", "41", {"input.a": np.array([np.nan, 0.2, 0.3])})
    table = engine.read([str(path)])
    found = count_drift(engine, table, table, OLD, OLD).window["input.a"]
    assert (found.missing, found.high) == (1, 0.3)


def test_names_of_features_are_no_sql(engine: Engine, tmp_path: Path) -> None:
    """A caller chooses the names of inputs. A name may also be the name of a method of Ibis."""
    names = ['input."; DROP VIEW read_0; --', "input.`a`\n'b'", "input.{x}[0]", "input.é\u202e", "output.count"]
    columns = {name: np.arange(100.0) + index for index, name in enumerate(names)}
    table = engine.read([str(write_table(tmp_path / "a.parquet", "41", columns))])
    found = count_drift(engine, table, table, OLD, OLD)
    assert [found.window[name].low for name in names] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_error_of_the_engine_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^duckdb cannot answer: IO Error: broken$") as error, queries("duckdb"):
        raise RuntimeError("IO Error: broken\nLINE 1: SELECT\x1b[31m")
    assert error.value.status == OUTSIDE


def test_a_folder_of_a_hostile_name_is_no_pattern_and_no_column(engine: Engine, tmp_path: Path) -> None:
    one = write_table(tmp_path / "version=99" / "it's *.parquet", "41", {"input.a": [1.0] * 3})
    write_table(tmp_path / "version=99" / "other.parquet", "41", {"input.a": [1.0] * 5})
    rows = engine.read([str(one)]).to_pyarrow()
    assert rows.num_rows == 3
    assert set(rows.column("version").to_pylist()) == {"41"}
