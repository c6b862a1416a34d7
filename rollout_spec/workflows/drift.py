"""Drift of a rollout: a window of its inference log is compared with a reference."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rollout_spec.core.drift import DriftCounts, RowFilter
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt, join_some
from rollout_spec.domain.drift.features import Limits
from rollout_spec.domain.drift.labelled import Performance, performance_of
from rollout_spec.domain.drift.report import DriftReport, Side, judge_features
from rollout_spec.domain.judgement.numbers import percent
from rollout_spec.integrations.engines import Engine, EngineName, connect, queries
from rollout_spec.integrations.engines.drift import count_drift
from rollout_spec.integrations.engines.expressions import is_text
from rollout_spec.integrations.engines.labelled import count_labelled
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.drift_files import log_of, log_tables, write_labels, write_reference
from rollout_spec.workflows.locate import WorkspaceLocation

Period = tuple[datetime | None, datetime | None]
"""A time from its start on and before its end."""


@dataclass(frozen=True)
class DriftRequest:
    """The request to compare a window of a log with a reference.

    ``version`` is the judged one, by default the candidate or else stable. ``logs`` are addresses, by default that of
    the rollout. ``reference`` is the address of a training sample; without one it is stable's part of the log in
    ``reference_period``, by default all before the window. ``score`` is the output that labels are compared with.
    """

    rollout: str
    now: datetime
    window: Period
    logs: tuple[str, ...] = ()
    log_format: str | None = None
    version: str | None = None
    reference: str | None = None
    reference_period: Period | None = None
    labels: str | None = None
    score: str | None = None
    threshold: float = 0.5
    engine: EngineName = "duckdb"
    memory: str = "1GB"
    limits: Limits = field(default_factory=Limits)


def measure_drift(request: DriftRequest, here: WorkspaceLocation, tell: Callable[[str], None]) -> DriftReport:
    """Compare the window of a rollout with its reference. UserError if a file cannot be used."""
    repository = here.repository()
    rollout = repository.require_rollout(request.rollout).require_model()
    version = _version(request, rollout)
    logs = request.logs or (log_of(rollout, here.workspace),)
    with tempfile.TemporaryDirectory(prefix="rollout-spec-drift-", ignore_cleanup_errors=True) as folder:
        tables = log_tables(logs, request.log_format, Path(folder), tell)
        with queries(request.engine), connect(request.engine, Path(folder), request.memory) as engine:
            run = _Run(request, rollout, version, engine, engine.read(tables.paths), Path(folder))
            report = run.report(repository.workspace_name)
    report = replace(report, unknown=report.unknown + tables.unreadable, left_out=tables.left_out)
    notes = (*report.notes, *tables.notes)
    return replace(report, notes=notes if report.is_whole else (*notes, _not_whole(report)))


@dataclass(frozen=True)
class _Run:
    """One comparison, with an open engine."""

    request: DriftRequest
    rollout: ModelRollout
    version: str
    engine: Engine
    log: Any
    folder: Path

    def report(self, workspace: str) -> DriftReport:
        """Count, and judge the counts."""
        since, until = self.request.window
        window = RowFilter(self.version, since, until)
        source, rows = self._reference()
        counts = count_drift(self.engine, source, self.log, rows, window)
        performance, notes = self._performance(window)
        name = self.request.reference if self.request.reference is not None else "log"
        return DriftReport(
            workspace=workspace,
            rollout=self.rollout.metadata.name,
            version=self.version,
            at=self.request.now,
            reference=Side(name, rows.version, rows.since, rows.until, counts.reference_rows),
            window=Side("log", self.version, since, until, counts.window_rows),
            limits=self.request.limits,
            features=judge_features(counts, self.request.limits),
            performance=performance,
            notes=(*notes, *_notes(counts)),
            unknown=counts.unplaced_rows,
        )

    def _reference(self) -> tuple[Any, RowFilter]:
        """Return the table of the reference, and its rows."""
        stable = self.rollout.spec.live.stable
        if self.request.reference is not None:
            kinds = {name: _kind(self.log, name) for name in self.log.columns if name.startswith(("input.", "output."))}
            path = self.folder / "reference.parquet"
            write_reference(self.request.reference, path, kinds)
            return self.engine.read([str(path)]), RowFilter()
        since, until = self.request.reference_period or (None, self.request.window[0])
        return self.log, RowFilter(stable, since, until)

    def _performance(self, window: RowFilter) -> tuple[tuple[Performance, ...], tuple[str, ...]]:
        """Return precision, recall and AUC of both versions in the window, or a note why there are none."""
        labels = None
        if self.request.labels is not None:
            path = self.folder / "labels.parquet"
            write_labels(self.request.labels, path)
            labels = self.engine.read([str(path)])
        output, note = self._score()
        if output is None:
            return (), (note,) if self.request.labels is not None and note else ()
        found = []
        for version in dict.fromkeys((self.rollout.spec.live.stable, self.version)):
            rows = RowFilter(version, window.since, window.until)
            counts = count_labelled(self.log, rows, output, labels)
            if labels is not None or sum(counts.positives) + sum(counts.negatives):
                found.append(performance_of(version, output, counts, self.request.threshold))
        return tuple(found), ()

    def _score(self) -> tuple[str | None, str]:
        """Return the column of the score, or a note why it is unknown."""
        outputs = [name for name in self.log.columns if name.startswith("output.") and not is_text(self.log[name])]
        if self.request.score is not None:
            name = f"output.{self.request.score.removeprefix('output.')}"
            if name not in outputs:
                known = ", ".join(excerpt(each) for each in outputs[:8]) or "none"
                raise UserError(f"the log has no score `{excerpt(name)}`", hint=f"numeric outputs: {known}")
            return name, ""
        if len(outputs) == 1:
            return outputs[0], ""
        return None, f"labels are not compared: the log has {len(outputs)} numeric outputs; name one with --score"


def _version(request: DriftRequest, rollout: ModelRollout) -> str:
    live = rollout.spec.live
    version = request.version or live.candidate or live.stable
    if version not in rollout.spec.versions:
        raise UserError(f"{rollout.metadata.name} has no version {excerpt(version)}", hint="name a recorded version")
    return version


def _kind(table: Any, name: str) -> str:
    kind = table[name].type()
    return "bool" if kind.is_boolean() else "text" if kind.is_string() else "number"


def _notes(counts: DriftCounts) -> tuple[str, ...]:
    """Return notes about columns that only one side has."""
    notes = []
    for side, names in (("reference", counts.only_in_reference), ("log", counts.only_in_window)):
        if names:
            some = join_some([excerpt(name) for name in names], 8)
            notes.append(f"only the {side} has these columns, or with another type: {some}")
    if counts.unplaced_rows:
        notes.append(f"{counts.unplaced_rows:,} rows of the log have no version or no time, and are on neither side")
    return tuple(notes)


def _not_whole(report: DriftReport) -> str:
    """Return the note why a report cannot be ok."""
    if report.left_out:
        return "the verdict cannot be ok: features are left out"
    share = percent(report.unknown / (report.unknown + report.window.rows))
    return f"the verdict cannot be ok: up to {share} of the window cannot be read, or have no version or no time"


def last(length: timedelta, now: datetime) -> Period:
    """Return the last period of a length. UserError if it is longer than dates reach."""
    with suppress(OverflowError):
        return now - length, now
    raise UserError("the window is longer than dates reach", hint="write a shorter one, such as 24h")
