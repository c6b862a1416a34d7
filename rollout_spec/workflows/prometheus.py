"""The Prometheus of a workspace: its answers, or the reasons why there are none."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.series import Series
from rollout_spec.domain.metrics.clock import clock_problem
from rollout_spec.integrations.prometheus import SECONDS, PrometheusClient, QueryRefusedError
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.workflows.secrets import read_secret

_MOST_KEPT = 1_000_000
"""Samples that are kept for one workspace, about 100 MB."""
_SETTLED = timedelta(minutes=10)


PASS_SECONDS = 180.0
"""The time of a pass in which queries begin. A slow server, or a large answer, takes none of it from the next pass."""
_LEAST_SECONDS = 1.0


class Source(Protocol):
    """A source of series.

    ``failure`` is the error of the first query that was not answered. ``is_late``: the time of the pass is the reason.
    """

    failure: UserError | None
    is_late: bool

    def query(self, promql: str, at: datetime) -> Sequence[Series] | str:
        """Return the series of a query at a time, or the reason why there is no data."""

    def close(self) -> None:
        """Close the connection."""


@dataclass
class NoSource:
    """The source of a workspace without Prometheus, or with one that cannot be asked."""

    reason: str = "the workspace names no Prometheus: add `prometheus: {url: …}` to `spec`"
    failure: UserError | None = None
    queries: int = 0
    is_late: bool = False

    def query(self, promql: str, at: datetime) -> Sequence[Series] | str:
        """Return the reason."""
        return self.reason

    def close(self) -> None:
        """Do nothing."""


@dataclass
class KeptAnswers:
    """Answers about a time that is long over: each is asked for once in ten minutes.

    An answer without series or with a value that is no number is not kept: Prometheus may just have lost its samples.
    """

    server: str = ""
    by_query: dict[tuple[str, datetime], tuple[datetime, Sequence[Series]]] = field(default_factory=dict)
    samples: int = 0

    def of(self, server: str) -> KeptAnswers:
        """Return the answers of a server, and forget those of another one."""
        if server != self.server:
            self.server, self.by_query, self.samples = server, {}, 0
        return self

    def find(self, promql: str, at: datetime, now: datetime) -> Sequence[Series] | None:
        """Return a kept answer, None if there is none or it is too old."""
        since, series = self.by_query.get((promql, at), (now, None))
        return series if now - since < _SETTLED else None

    def keep(self, promql: str, at: datetime, now: datetime, series: Sequence[Series]) -> None:
        """Keep an answer if it is whole, in place of the oldest ones if there are many samples."""
        count = _samples_in(series)
        if not series or not all(math.isfinite(value) for each in series for _, value in each.samples):
            return
        self._forget((promql, at))
        if count > _MOST_KEPT:
            return
        while self.samples + count > _MOST_KEPT:
            self._forget(next(iter(self.by_query)))
        self.by_query[promql, at] = now, series
        self.samples += count

    def _forget(self, key: tuple[str, datetime]) -> None:
        _, series = self.by_query.pop(key, (None, ()))
        self.samples -= _samples_in(series)


def _samples_in(series: Sequence[Series]) -> int:
    return sum(len(each.samples) for each in series)


@dataclass
class PrometheusSource:
    """A Prometheus server during a pass.

    After an error it is not asked again, so that a server that hangs is waited for once. Nor is it asked after ``ends``
    by the monotonic clock.
    """

    client: PrometheusClient
    now: datetime
    kept: KeptAnswers = field(default_factory=KeptAnswers)
    ends: float = math.inf
    failure: UserError | None = None
    queries: int = 0
    is_late: bool = False

    def query(self, promql: str, at: datetime) -> Sequence[Series] | str:
        """Return the series of a query at a time, or the reason why there is no data."""
        known = self.kept.find(promql, at, self.now)
        if known is not None:
            return known
        left = self.ends - time.monotonic()
        if self.failure is None and left < _LEAST_SECONDS:
            message = f"Prometheus was not asked: the pass had no time left, after {self.queries} queries"
            self.failure, self.is_late = UserError(message, hint="see why Prometheus is slow", status=OUTSIDE), True
        if self.failure is not None:
            return _with_hint(self.failure)
        self.queries += 1
        try:
            answer = self.client.query(promql, at, left)
        except QueryRefusedError as error:
            return _with_hint(error)
        except UserError as error:
            self.failure, self.is_late = error, left < SECONDS
            return _with_hint(error)
        if answer.warnings:
            return f"Prometheus warns that its answer may be incomplete: {answer.warnings[0]}"
        problem = clock_problem(answer.date, datetime.now(UTC))
        if problem is not None:
            return problem
        if at < self.now - _SETTLED:
            self.kept.keep(promql, at, self.now, answer.series)
        return answer.series

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def _with_hint(error: UserError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def connect_for_pass(
    settings: Prometheus | None, now: datetime, kept: KeptAnswers | None = None, reserved: Collection[str] = ()
) -> PrometheusSource | NoSource:
    """Connect as ``connect`` does. After its error no query has an answer, so that open steps are held."""
    try:
        return connect(settings, now, kept, reserved)
    except UserError as error:
        return NoSource(f"Prometheus cannot be asked: {error.message}", error)


def connect(
    settings: Prometheus | None,
    now: datetime,
    kept: KeptAnswers | None = None,
    reserved: Collection[str] = (),
    *,
    seconds: float = PASS_SECONDS,
) -> PrometheusSource | NoSource:
    """Connect to the Prometheus of a workspace, for a pass that asks it for some ``seconds`` from now on.

    UserError if its token cannot be read, or is a reserved one. ``kept`` holds the answers of earlier passes.
    ``reserved`` are the secrets of all monitors: a workspace chooses the host that its token goes to.
    """
    if settings is None:
        return NoSource()
    try:
        token = read_secret(settings.auth.bearer) if settings.auth is not None else None
    except UserError as error:
        raise UserError(f"no token for Prometheus: {error.message}", hint=error.hint, status=error.status) from None
    if token is not None and token.strip() in reserved:
        raise UserError(
            "the token in `prometheus.auth` is the secret of a monitor, and is not sent to Prometheus",
            hint="use another secret: who has this one can report breaches",
        )
    kept, ends = (kept or KeptAnswers()).of(settings.url), time.monotonic() + seconds
    return PrometheusSource(PrometheusClient(settings.url, token), now, kept, ends)
