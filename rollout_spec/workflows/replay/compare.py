"""The comparison of all requests in a journal: pairs of values, and their divergence by an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rollout_spec.core.divergence import OutputKind
from rollout_spec.core.replay import ReplayFailure
from rollout_spec.domain.divergence.report import DivergenceReport, judge_divergence
from rollout_spec.domain.replay.observations import Observations
from rollout_spec.domain.replay.output_forms import OutputForm, recognise
from rollout_spec.domain.replay.pairs import pair
from rollout_spec.integrations.engines import EngineName, connect, queries
from rollout_spec.integrations.engines.divergence import count_divergence
from rollout_spec.integrations.pairs_table import PairsWriter
from rollout_spec.integrations.replay_journal import ReplayJournal


@dataclass(frozen=True)
class Comparison:
    """The compared requests of a journal."""

    forms: tuple[OutputForm, ...]
    observations: Observations
    divergence: DivergenceReport


def compare(
    journal: ReplayJournal, overrides: Mapping[str, OutputKind], engine: EngineName, pairs: Path | None = None
) -> Comparison:
    """Compare all requests of a journal. ``pairs`` is the path of the pairs table, if it is to stay."""
    forms = recognise(journal.requests(), overrides)
    observations = Observations()
    kinds = {name: kind for form in forms.values() for name, kind in form.columns.items()}
    with TemporaryDirectory(prefix="rollout-spec-replay-") as folder:
        path = pairs if pairs is not None else Path(folder, "pairs.parquet")
        with PairsWriter(path) as writer:
            for request in journal.requests():
                result = pair(request, forms)
                observations.add(request, result)
                for row in () if isinstance(result, ReplayFailure) else result:
                    writer.add(row.fields)
        divergence = DivergenceReport(())
        if observations.arms["failed"].compared:
            with queries(engine), connect(engine, Path(folder)) as connection:
                divergence = judge_divergence(count_divergence(connection, connection.read([str(path)]), kinds))
    return Comparison(tuple(forms.values()), observations, divergence)
