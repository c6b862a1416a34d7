"""The queries of drift and divergence on PySpark: the same numbers as on DuckDB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from analysis_tables import START, write_pairs, write_table
from real_servers import require

from rollout_spec.core.drift import DriftCounts, RowFilter
from rollout_spec.integrations.engines import Engine, EngineName, connect
from rollout_spec.integrations.engines import drift as drift_queries
from rollout_spec.integrations.engines.divergence import count_divergence
from rollout_spec.integrations.engines.drift import count_drift
from rollout_spec.integrations.engines.labelled import count_labelled

pytestmark = [
    pytest.mark.system,
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # pyspark calls pandas
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # pyspark leaves sockets open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROWS = 3_000
CLOSE = 1e-12


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[EngineName, Engine]]:
    """Both engines. Spark is local, with one thread and one partition: the data are small."""
    require(find_spec("pyspark"), "pyspark is not installed")
    from pyspark.sql import SparkSession

    java = Path(os.environ.get("JAVA_HOME", "/usr"), "bin", "java")
    require(java if java.exists() else None, "Java is not installed")
    folder = tmp_path_factory.mktemp("spark")
    builder = SparkSession.builder.master("local[1]")
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1", "spark.local.dir": str(folder),
                "spark.sql.warehouse.dir": str(folder / "warehouse"), "spark.driver.bindAddress": "127.0.0.1",
                "spark.driver.host": "127.0.0.1"}  # fmt: skip
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    with connect("duckdb", folder / "duckdb") as duckdb, connect("spark", folder) as spark:
        yield {"duckdb": duckdb, "spark": spark}
    session.stop()


def features(seed: int) -> dict[str, Any]:
    """Return a column of each kind, with NaN, nulls, infinite values, ties and texts with trouble."""
    generator = np.random.default_rng(seed)
    amount = generator.normal(seed, 3, ROWS)
    amount[:20], amount[20:25] = np.nan, np.inf
    country = np.array(["de", "f'r", 'i"t', "", "\n</td>", "é" * 300, f"new-{seed}"])[generator.integers(0, 7, ROWS)]
    return {
        "input.amount": pa.array(amount, mask=np.arange(ROWS) % 50 == 40),
        "input.x[0]": pa.array(generator.poisson(1, ROWS).astype(float)),
        "input.country": pa.array(country, mask=generator.random(ROWS) < 0.1),
        "input.is_new": pa.array(generator.random(ROWS) < 0.3),
        "output.score": pa.array(generator.random(ROWS)),
    }


def same(first: float | None, second: float | None) -> bool:
    return first == second or (first is not None and second == pytest.approx(first, rel=CLOSE, abs=CLOSE))


def test_drift(engines: dict[EngineName, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bins come from a sample, so both engines draw the same rows."""
    monkeypatch.setattr(drift_queries, "SAMPLE", 1_000)
    paths = [str(write_table(tmp_path / f"{seed}.parquet", f"4{seed}", features(seed))) for seed in (1, 2)]
    until = START.replace(minute=40)
    found: dict[str, DriftCounts] = {}
    for name, engine in engines.items():
        log = engine.read(paths)
        found[name] = count_drift(engine, log, log, RowFilter("41", until=until), RowFilter("42", since=START))
    one, other = found["duckdb"], found["spark"]
    assert (one.reference_rows, one.window_rows) == (2_400, ROWS) == (other.reference_rows, other.window_rows)
    assert one.bins == other.bins
    assert 800 < one.bins["output.score"].sampled < 1_200
    for side in ("reference", "window"):
        for name, counts in getattr(one, side).items():
            there = getattr(other, side)[name]
            for field in counts.__slots__:
                first, second = getattr(counts, field), getattr(there, field)
                exact = field not in ("mean", "deviation")
                assert first == second if exact else same(first, second), (side, name, field)


def test_labels(engines: dict[EngineName, Engine], tmp_path: Path) -> None:
    labels = pa.array(np.arange(ROWS) % 2.0, mask=np.arange(ROWS) % 3 == 0)
    path = write_table(tmp_path / "a.parquet", "41", features(1), label_number=labels)
    found = [count_labelled(engine.read([str(path)]), RowFilter("41"), "output.score") for engine in engines.values()]
    assert found[0] == found[1]
    assert found[0].unlabelled == ROWS // 3


def test_divergence(engines: dict[EngineName, Engine], tmp_path: Path) -> None:
    generator = np.random.default_rng(9)
    old = generator.beta(2, 5, ROWS)
    outputs = np.array(["score", "label"])[np.arange(ROWS) % 2]
    classes = generator.integers(0, 3, (2, ROWS)).astype(str)
    new = np.clip(old + 0.05, 0, 1)
    new[:9] = np.nan
    is_class = outputs == "label"
    path = write_pairs(
        tmp_path / "pairs.parquet", "score",
        {"output": pa.array(outputs), "logged_number": pa.array(old, mask=is_class),
         "replayed_number": pa.array(new, mask=is_class),
         "logged_text": pa.array(classes[0], mask=~is_class), "replayed_text": pa.array(classes[1], mask=~is_class)},
        segment=pa.array(np.array(["web", "app", None])[generator.integers(0, 3, ROWS)]),
        arm=pa.array(np.array(["failed", "floor"])[generator.integers(0, 2, ROWS)]),
        label_number=pa.array(generator.integers(0, 2, ROWS).astype(float)),
    )  # fmt: skip
    one, other = (
        count_divergence(engine, engine.read([str(path)]), {"score": "score", "label": "class"})
        for engine in engines.values()
    )
    assert len(one.groups) == len(other.groups) == 12
    for first, second in zip(one.groups, other.groups, strict=True):
        for field in set(first.__slots__) - {"means", "quantiles"}:
            assert getattr(first, field) == getattr(second, field), (first.output, first.arm, first.segment, field)
        assert first.means.keys() == second.means.keys()
        for name, mean in first.means.items():
            assert mean.rows == second.means[name].rows
            assert same(mean.value, second.means[name].value) and same(mean.deviation, second.means[name].deviation)
        for name, points in first.quantiles.items():
            assert all(same(a, b) for (_, a), (_, b) in zip(points, second.quantiles[name], strict=True))
