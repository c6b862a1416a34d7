"""Counts of pairs by DuckDB are those of numpy, for each kind of output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from analysis_tables import write_pairs
from oracles import oracle

from rollout_spec.core.divergence import ClassPair, GroupCounts, Labelled
from rollout_spec.domain.divergence.report import judge_divergence
from rollout_spec.integrations.engines import Engine, connect
from rollout_spec.integrations.engines import divergence as queries
from rollout_spec.integrations.engines.divergence import count_divergence

ROWS = 600
GENERATOR = np.random.default_rng(5)
OLD = GENERATOR.beta(2, 5, ROWS)
NEW = np.clip(OLD + GENERATOR.normal(0.02, 0.1, ROWS), 0, 1)
CLASSES = GENERATOR.integers(0, 4, ROWS)
OTHERS = np.where(GENERATOR.random(ROWS) < 0.2, GENERATOR.integers(0, 4, ROWS), CLASSES)
SEGMENTS = np.array(["web", "app"])[GENERATOR.integers(0, 2, ROWS)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with connect("duckdb", tmp_path_factory.mktemp("duckdb")) as connected:
        yield connected


def only(engine: Engine, path: Path, kind: Any, **options: Any) -> dict[tuple[str, str | None], GroupCounts]:
    """Return the groups of the output ``y``, by arm and segment."""
    found = count_divergence(engine, engine.read([str(path)]), {"y": kind}, **options)
    return {(group.arm, group.segment): group for group in found.groups}


def test_scores(engine: Engine, tmp_path: Path) -> None:
    gaps = OLD.copy()
    gaps[:10] = np.nan
    labels = pa.array((OLD > 0.4).astype(float), mask=np.arange(ROWS) >= 400)
    columns = {"logged_number": gaps, "replayed_number": NEW}
    path = write_pairs(tmp_path / "pairs.parquet", "y", columns, label_number=labels, segment=pa.array(SEGMENTS))
    found = only(engine, path, "score", threshold=0.3)
    old, new = OLD[10:], NEW[10:]
    whole = found["failed", None]
    assert (whole.rows, whole.unusable, whole.weight, whole.weight_squares) == (590, 10, 590, 590)
    assert whole.shares["crossed"] == ((old >= 0.3) != (new >= 0.3)).sum()
    assert whole.means["absolute"].value == pytest.approx(np.abs(new - old).mean(), rel=1e-12)
    assert whole.means["absolute"].deviation == pytest.approx(np.abs(new - old).std(ddof=1), rel=1e-12)
    assert whole.means["bias"].value == pytest.approx((new - old).mean(), rel=1e-12)
    assert whole.means["square"].value == pytest.approx(((new - old) ** 2).mean(), rel=1e-12)
    for name, values in (("absolute", np.abs(new - old)), ("relative", np.abs(new - old) / old)):
        shares, points = zip(*whole.quantiles[name], strict=True)
        assert shares == (0.5, 0.9, 0.99)
        assert points == pytest.approx(np.quantile(values, shares))
    for bins, values in ((whole.logged_bins, old), (whole.replayed_bins, new)):
        assert bins == tuple(np.histogram(np.minimum(np.floor(values * 100), 99), bins=np.arange(101))[0])
    right = [(values >= 0.3) == (OLD[10:400] > 0.4) for values in (OLD[10:400], NEW[10:400])]
    assert whole.labelled == Labelled(
        (right[0] & right[1]).sum(),
        (right[0] & ~right[1]).sum(),
        (~right[0] & right[1]).sum(),
        (~right[0] & ~right[1]).sum(),
    )
    assert {segment: found["failed", segment].rows for segment in ("web", "app")} == {
        segment: int((SEGMENTS[10:] == segment).sum()) for segment in ("web", "app")
    }
    assert found["failed", "web"].means["bias"].value == pytest.approx((new - old)[SEGMENTS[10:] == "web"].mean())


def test_classes(engine: Engine, tmp_path: Path) -> None:
    """A whole number as a label is the class of that text; the second label is a text."""
    columns = {"logged_text": CLASSES.astype(str), "replayed_text": OTHERS.astype(str)}
    truth = GENERATOR.integers(0, 4, ROWS)
    arms = np.where(np.arange(ROWS) < 500, "failed", "floor")
    path = write_pairs(
        tmp_path / "pairs.parquet", "y", columns, arm=pa.array(arms), label_number=pa.array(truth.astype(float))
    )
    counts = count_divergence(engine, engine.read([str(path)]), {"y": "class"})
    found = {group.arm: group for group in counts.groups}
    whole, old, new = found["failed"], CLASSES[:500], OTHERS[:500]
    assert whole.shares["changed"] == (old != new).sum()
    assert sum(pair.rows for pair in whole.pairs) == 500
    assert ClassPair("1", "2", int(((old == 1) & (new == 2)).sum())) in whole.pairs
    assert whole.labelled is not None
    assert whole.labelled.only_logged_right == ((old == truth[:500]) & (new != truth[:500])).sum()
    assert found["floor"].rows == 100
    report = judge_divergence(counts)
    kappa = {measure.name: measure.value for measure in report.totals[0].measures}["kappa"]
    assert kappa == pytest.approx(float(oracle("sklearn.metrics").cohen_kappa_score(old, new)))
    texts = {"label_text": pa.array(truth.astype(str)), "label_number": pa.nulls(ROWS, pa.float64())}
    again = write_pairs(tmp_path / "texts.parquet", "y", columns, arm=pa.array(arms), **texts)
    assert only(engine, again, "class")["failed", None].labelled == whole.labelled


def test_rankings_and_texts(engine: Engine, tmp_path: Path) -> None:
    measures = GENERATOR.random((3, ROWS))
    gaps = pa.array(measures[2], mask=np.arange(ROWS) < 100)
    ranked = write_pairs(tmp_path / "ranked.parquet", "y", {"overlap": measures[0], "rbo": measures[1], "tau": gaps})
    whole = only(engine, ranked, "ranking")["failed", None]
    assert whole.means["rbo"].value == pytest.approx(measures[1].mean(), rel=1e-12)
    assert (whole.means["tau"].rows, whole.rows) == (ROWS - 100, ROWS)
    exact = measures[0] < 0.7
    texts = {"exact": exact, "edit_ratio": measures[0], "token_f1": measures[1], "length_ratio": measures[2]}
    whole = only(engine, write_pairs(tmp_path / "texts.parquet", "y", texts), "text")["failed", None]
    assert (whole.shares["changed"], whole.quantiles) == ((~exact).sum(), {})
    assert whole.means["token_f1"].value == pytest.approx(measures[1].mean(), rel=1e-12)


def test_weights_count_as_requests(engine: Engine, tmp_path: Path) -> None:
    weights = np.where(np.arange(ROWS) % 2, 3.0, 1.0)
    columns = {"logged_text": CLASSES.astype(str), "replayed_text": OTHERS.astype(str)}
    path = write_pairs(tmp_path / "pairs.parquet", "y", columns, weight=pa.array(weights))
    whole = only(engine, path, "class")["failed", None]
    assert (whole.weight, whole.weight_squares) == (weights.sum(), (weights**2).sum())
    assert whole.shares["changed"] == weights[CLASSES != OTHERS].sum()


def test_only_the_largest_segments_and_pairs_are_listed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_SEGMENTS", 2)
    monkeypatch.setattr(queries, "MOST_PAIRS", 3)
    segments = np.array(["a", "b", "c", "d"])[np.minimum(np.arange(ROWS) // 180, 3)]
    columns = {"logged_text": CLASSES.astype(str), "replayed_text": OTHERS.astype(str)}
    path = write_pairs(tmp_path / "pairs.parquet", "y", columns, segment=pa.array(segments))
    counts = count_divergence(engine, engine.read([str(path)]), {"y": "class"})
    assert [group.segment for group in counts.groups] == [None, "a", "b"]
    assert counts.segments_left_out == 2
    whole = counts.groups[0]
    assert (len(whole.pairs), whole.other_pairs) == (3, ROWS - sum(pair.rows for pair in whole.pairs))
    assert "kappa" not in [measure.name for measure in judge_divergence(counts).totals[0].measures]


def test_other_outputs_and_arms_are_left_out(engine: Engine, tmp_path: Path) -> None:
    columns = {"logged_number": OLD, "replayed_number": NEW}
    path = write_pairs(tmp_path / "pairs.parquet", "y", columns, arm=pa.array(["drill"] * ROWS))
    assert only(engine, path, "number") == {}
    path = write_pairs(tmp_path / "other.parquet", "z", columns)
    assert only(engine, path, "number") == {}
