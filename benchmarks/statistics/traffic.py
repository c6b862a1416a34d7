"""Simulated traffic of a canary: the requests and failures of both versions, tick by tick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rollout_spec.domain.statistics.counts import Counts, Tick

Rate = float | Sequence[float]
"""A number for all reads, or one for each."""


@dataclass(frozen=True)
class Traffic:
    """A stage of 15 minutes that is read every 15 seconds, with 100 requests a second and four ticks to a read.

    ``share`` is the candidate's real share. ``load`` multiplies the requests. ``retries`` is the mean number of
    failures that come together, in both versions. ``correlation`` is that of two requests to a version between two
    reads.
    """

    candidate: Rate = 0.02
    stable: Rate = 0.02
    share: float = 0.05
    per_second: float = 100.0
    load: Rate = 1.0
    retries: float = 1.0
    correlation: float = 0.0
    reads: int = 60
    seconds: float = 15.0
    ticks_of_read: int = 4

    @property
    def requests(self) -> float:
        """The requests of both versions in the whole stage."""
        return self.per_second * self.seconds * self.reads


def simulate(traffic: Traffic, runs: int, seed: int) -> Iterator[list[Tick]]:
    """Yield the ticks of each run."""
    generator = np.random.default_rng(seed)
    requests = traffic.requests / traffic.reads / traffic.ticks_of_read
    stable = _arm(generator, traffic, traffic.stable, requests * (1 - traffic.share), runs)
    candidate = _arm(generator, traffic, traffic.candidate, requests * traffic.share, runs)
    seconds = traffic.seconds / traffic.ticks_of_read
    for run in range(runs):
        yield [
            Tick((index + 1) * seconds, Counts(*old), Counts(*new))
            for index, (old, new) in enumerate(zip(stable[run].tolist(), candidate[run].tolist(), strict=True))
        ]


def _arm(generator: np.random.Generator, traffic: Traffic, rate: Rate, requests: float, runs: int) -> np.ndarray:
    """Return failures and requests of one version for each run and tick."""
    rates = np.broadcast_to(np.asarray(rate, dtype=float), (runs, traffic.reads))
    if traffic.correlation:
        weight = 1 / traffic.correlation - 1
        rates = generator.beta(rates * weight, (1 - rates) * weight)
    rates = rates.repeat(traffic.ticks_of_read, axis=1)
    load = np.broadcast_to(np.asarray(traffic.load, dtype=float), traffic.reads).repeat(traffic.ticks_of_read)
    totals = generator.poisson(requests * load, size=rates.shape)
    events = generator.binomial(totals, rates / traffic.retries)
    if traffic.retries > 1:
        repeated = generator.negative_binomial(np.maximum(events, 1), 1 / traffic.retries)
        events = np.minimum(events + np.where(events > 0, repeated, 0), totals)
    return np.stack([events, totals], axis=2)
