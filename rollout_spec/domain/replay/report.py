"""The report of a replay: the replayed requests, their failures, and the divergence of their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rollout_spec.core.divergence import Arm
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.domain.divergence.report import DivergenceReport, Measure, OutputDivergence
from rollout_spec.domain.replay.histograms import DifferenceHistogram, quantile
from rollout_spec.domain.replay.observations import ArmFigures, MovedRow
from rollout_spec.domain.replay.output_forms import OutputForm

_MOST_SHOWN = 5
_MODELS = 10


@dataclass
class LogFigures:
    """The records of all logs, by what was done with them. ``repeated`` have the id of an earlier record."""

    records: int = 0
    replayed: int = 0
    other_status: int = 0
    other_version: int = 0
    without_version: int = 0
    without_outputs: int = 0
    beyond_limit: int = 0
    repeated: int = 0
    unreadable: int = 0
    examples: list[UnreadableRecord] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)

    def add_unreadable(self, record: UnreadableRecord) -> None:
        """Count a record that cannot be read."""
        self.unreadable += 1
        if len(self.examples) < _MOST_SHOWN:
            self.examples.append(record)

    def add_model(self, record: InferenceRecord) -> None:
        """Count the name of the model in the log."""
        if record.model is not None and (record.model in self.models or len(self.models) < _MODELS):
            self.models[record.model] += 1


@dataclass(frozen=True)
class ReplayTarget:
    """The server that answered again, and the load.

    ``sent`` requests in ``seconds`` belong to the last run. ``kept`` answers are from the journal of earlier runs.
    ``warmup`` requests are not counted anywhere else.
    """

    address: str
    protocol: str
    model: str
    rate: float
    concurrency: int
    sent: int
    seconds: float
    kept: int = 0
    warmup: int = 0


@dataclass(frozen=True)
class Latency:
    """Quantiles of the times in milliseconds, and the ratio of the medians."""

    requests: int
    logged: tuple[float, float]
    replayed: tuple[float, float]

    @property
    def ratio(self) -> float | None:
        """The replayed median over the logged one."""
        return self.replayed[0] / self.logged[0] if self.logged[0] > 0 else None


@dataclass(frozen=True)
class ReplayReport:
    """The replay of the failed version's requests.

    The restored version's own requests are the noise floor. ``inputs`` are those of the moved requests by id, if they
    were asked for.
    """

    workspace: str
    rollout: str
    failed: str
    restored: str
    incident: str | None
    target: ReplayTarget
    logs: tuple[str, ...]
    log_figures: LogFigures
    arms: Mapping[Arm, ArmFigures]
    forms: tuple[OutputForm, ...]
    divergence: DivergenceReport
    histograms: tuple[DifferenceHistogram, ...]
    moved: tuple[MovedRow, ...]
    limit: int
    notes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_compared(self) -> bool:
        """Whether at least one request of the failed version was compared."""
        return self.arms["failed"].compared > 0

    def segments_of(self, output: str) -> list[OutputDivergence]:
        """Return the divergence of an output by segment, the largest first."""
        return [each for each in self.divergence.outputs if each.output == output and each.segment is not None]


def latency_of(figures: ArmFigures) -> Latency | None:
    """Return the times of one arm, None if no record has one."""
    if not figures.logged_ms:
        return None
    logged, replayed = sorted(figures.logged_ms), sorted(figures.replayed_ms)
    return Latency(len(logged), _quantiles(logged), _quantiles(replayed))


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    return quantile(values, 0.5), quantile(values, 0.95)


def summary_line(report: ReplayReport) -> str:
    """Return the main figure of each output in one line, for the evidence of an incident."""
    parts = []
    for output in report.divergence.totals:
        if output.main is not None:
            parts.append(f"{output.output}: {measure_text(output.main)}")
    arm = report.arms["failed"]
    head = f"replay of {arm.requests:,} requests of {report.failed} through {report.restored}, {arm.failed:,} failed"
    return "; ".join([head, *parts])


def measure_text(measure: Measure) -> str:
    """Return a measure with its interval and its noise floor."""
    text = f"{measure.name} {amount_between(measure.value, measure.interval, measure)}"
    if measure.floor is not None:
        text += f", noise floor {amount(measure.floor, is_share=measure.is_share)}"
    return text


def amount_between(value: float, interval: tuple[float, float] | None, measure: Measure) -> str:
    """Return an amount of a measure, with its interval if it has one."""
    text = amount(value, is_share=measure.is_share)
    if interval is None:
        return text
    low, high = (amount(bound, is_share=measure.is_share) for bound in interval)
    return f"{text} ({low} to {high})"


def amount(value: float | None, *, is_share: bool = False) -> str:
    """Return a number of a report as text."""
    if value is None:
        return "-"
    if is_share:
        return f"{value:.2%}"
    return f"{value:,.0f}" if abs(value) >= 100_000 else f"{value:.4g}"
