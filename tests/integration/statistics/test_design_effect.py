"""The design effect is the dispersion of a binomial model in statsmodels, and 1 without bursts."""

from __future__ import annotations

import math

import pytest
from oracles import oracle

from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.statistics.design_effect import corrected, estimate, measure


def ticks(seed: int, rate: float, correlation: float, number: int = 60) -> list[Counts]:
    """Return ticks of 300 to 600 requests, with a correlation of requests in a tick."""
    generator = oracle("numpy").random.default_rng(seed)
    totals = generator.integers(300, 600, size=number)
    if correlation:
        weight = 1 / correlation - 1
        rates = generator.beta(rate * weight, (1 - rate) * weight, size=number)
    else:
        rates = [rate] * number
    pairs = zip(generator.binomial(totals, rates), totals, strict=True)
    return [Counts(int(events), int(total)) for events, total in pairs]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("correlation", [0.002, 0.01, 0.05])
def test_it_is_the_dispersion_of_statsmodels(seed: int, correlation: float) -> None:
    numpy, models = oracle("numpy"), oracle("statsmodels.api")
    control = ticks(seed, 0.03, correlation)
    table = numpy.array([[tick.events, tick.total - tick.events] for tick in control])
    model = models.GLM(table, numpy.ones(len(control)), family=models.families.Binomial()).fit()
    assert estimate(control) == pytest.approx(max(model.pearson_chi2 / model.df_resid, 1), rel=1e-9)


def test_bursts_are_measured_and_independent_requests_have_none() -> None:
    """A correlation of 0.01 within 450 requests has a design effect of 1 + 449 * 0.01."""
    independent = [estimate(ticks(seed, 0.03, 0)) for seed in range(200)]
    bursts = [estimate(ticks(seed, 0.03, 0.01)) for seed in range(200)]
    assert sum(independent) / 200 == pytest.approx(1.07, abs=0.03)
    assert sum(bursts) / 200 == pytest.approx(5.5, abs=0.4)


@pytest.mark.parametrize(
    "control",
    [
        [],
        [Counts(0, 100)] * 19 + [Counts(0, 0)] * 10,
        [Counts(0, 100), Counts(100, 100)] * 9 + [Counts(0, 0)] * 50,  # 18 ticks with traffic
        [Counts(0, 100)] * 30,
        [Counts(100, 100)] * 30,
    ],
)
def test_it_is_1_if_the_ticks_do_not_tell(control: list[Counts]) -> None:
    assert estimate(control) == 1
    enough = sum(tick.total > 0 for tick in control) >= 20
    assert measure(control) == (1 if enough else None)


def test_twenty_ticks_are_enough() -> None:
    assert estimate([Counts(0, 100), Counts(100, 100)] * 10) == pytest.approx(100 * 20 / 19)


def test_corrected_ticks_keep_their_rates_and_moments() -> None:
    tick = Tick(15.0, Counts(4, 100), Counts(1, 5))
    assert corrected([tick], 2.0) == [Tick(15.0, Counts(2, 50), Counts(0.5, 2.5))]
    assert corrected([tick], 1.0) == [tick]
    for effect in (0.5, math.nan, 0.0):
        with pytest.raises(ValueError, match="a design effect is at least 1"):
            corrected([tick], effect)
