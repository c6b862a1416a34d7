"""The interval for all times comes from a mixture whose value we integrate, and holds in simulations."""

from __future__ import annotations

import math

import pytest
from oracles import oracle

from rollout_spec.domain.statistics.anytime import bounds, critical, half_width


def mixture(z: float, scale: float) -> float:
    """Return the evidence of a z-value: the mean over half-normal drifts with the variance ``scale``, integrated."""
    root = math.sqrt(scale)

    def density(drift: float) -> float:
        weight = 2 * math.exp(-((drift / root) ** 2) / 2) / (root * math.sqrt(2 * math.pi))
        return weight * math.exp(drift * z - drift * drift / 2)

    value, _ = oracle("scipy.integrate").quad(density, 0, math.inf, epsabs=0, epsrel=1e-10, limit=500)
    return float(value)


@pytest.mark.parametrize(("alpha", "slack"), [(0.001, 0.001), (0.05, 0.02), (0.2, 0.11)])
@pytest.mark.parametrize("share", [0.01, 0.1, 1, 10, 100])
def test_a_z_value_at_the_bound_has_evidence_of_at_least_one_in_alpha(alpha: float, slack: float, share: float) -> None:
    """The closed form is above the exact boundary, by at most the slack."""
    optimal = 5000
    scale = share * (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha)))
    z = critical(share * optimal, alpha, optimal)
    assert mixture(z, scale) >= 1 / alpha
    assert mixture(z * (1 - slack), scale) < 1 / alpha


def test_the_critical_value_is_lowest_near_the_optimal_total() -> None:
    values = {share: critical(share * 1000, 0.05, 1000) for share in (0.01, 0.5, 1, 2, 100)}
    assert values[1] == pytest.approx(2.780, abs=0.001)
    assert values[1] == pytest.approx(min(values.values()), rel=0.002)
    assert values[0.01] > 4 < values[100] + 1


def test_the_half_width_scales_with_the_error() -> None:
    assert half_width(0.01, 500, 0.05, 1000) == 0.01 * critical(500, 0.05, 1000)
    assert half_width(0.0, 500, 0.05, 1000) == 0
    assert half_width(0.01, 0, 0.05, 1000) == math.inf
    half = half_width(0.01, 500, 0.05, 1000)
    assert bounds(0.2, 0.01, 500, 0.05, 1000) == (0.2 - half, 0.2 + half)


def test_sums_of_normal_noise_cross_the_bound_in_fewer_than_alpha() -> None:
    numpy = oracle("numpy")
    noise = numpy.random.default_rng(11).normal(size=(2000, 3000)).cumsum(axis=1)
    limits = numpy.array([math.sqrt(total) * critical(total, 0.05, 1000) for total in range(1, 3001)])
    rate = (noise >= limits).any(axis=1).mean()
    assert 0.005 < rate < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 10, 0.05, 10), "a standard error must be a finite number of at least 0, not nan"),
        ((0.1, 10, 0.0, 10), "alpha must lie strictly between 0 and 1, not 0.0"),
        ((0.1, 10, 0.05, 0), "requests must be above 0, not 10 and 0"),
        ((0.1, -1, 0.05, 10), "requests must be above 0, not -1 and 10"),
        ((0.1, math.nan, 0.05, 10), "requests must be above 0, not nan and 10"),
    ],
)
def test_inputs_that_are_none_are_refused(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError) as error:
        half_width(*arguments)
    assert str(error.value) == message
