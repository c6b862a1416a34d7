"""Bursts are measured as soon as there are enough ticks. Until then a factor is assumed."""

from __future__ import annotations

import random

import pytest
from arm_ticks import CANARY, steady

from rollout_spec.domain.judgement.bursts import Bursts
from rollout_spec.domain.judgement.rates import RateBound, judge_rate
from rollout_spec.domain.statistics.counts import Counts, Tick

BOUND = RateBound(0.05, window=300, alpha=0.05)


def bursty(index: int) -> float:
    return 0.05 if index % 2 else 0.01


def test_too_few_ticks_count_half() -> None:
    bursts = Bursts.of(steady(bursty, 0.02, count=19), [])
    assert bursts.effect == 2
    assert bursts.notes == ("it is too early to measure bursts of events: each counts as 1/2 (design effect)",)
    assert bursts.spread(steady(0.02, 0.02, count=1))[0].candidate == Counts(0.75, 37.5)


def test_twenty_ticks_are_measured() -> None:
    assert Bursts.of(steady(0.02, 0.02, count=20), []) == Bursts(1.0)
    bursts = Bursts.of(steady(bursty, 0.02, count=20), [])
    assert bursts.effect == pytest.approx(1425 * 0.02**2 / (0.03 * 0.97) * 20 / 19)
    assert bursts.notes == ("events come in bursts: each counts as 1/20.6 (design effect)",)


def test_a_young_stage_uses_the_newest_stage_that_can_be_measured() -> None:
    young, old = steady(0.02, 0.02, count=5), steady(bursty, 0.02, count=20)
    calm = steady(0.02, 0.02, count=20)
    assert Bursts.of(young, [calm, old, young]) == Bursts.of(old, [])
    assert Bursts.of(young, [old, calm, young]) == Bursts(1.0)
    assert Bursts.of(calm, [old]) == Bursts(1.0)


def test_the_candidate_counts_without_a_control_arm() -> None:
    ticks = steady(0.02, bursty, count=20)
    assert Bursts.of(ticks, []) == Bursts(1.0)
    assert Bursts.of(ticks, [], of_candidate=True).effect > 1


def repeated(generator: random.Random, requests: int) -> Counts:
    """Return a tick in which one request in 200 fails, and fails again three times."""
    failures = sum(generator.random() < 0.005 for _ in range(requests))
    return Counts(min(4 * failures, requests), requests)


def test_repeated_failures_of_a_healthy_candidate_are_no_early_breach() -> None:
    """Both versions fail at 2%, in groups of four. Each stage is read as long as its bursts cannot be measured."""
    generator = random.Random(1)
    breaches = 0
    for _ in range(150):
        ticks = [Tick(4.0 * index, repeated(generator, 400), repeated(generator, 20)) for index in range(1, 20)]
        breaches += any(judge_rate(ticks[:end], CANARY, BOUND).verdict == "breach" for end in range(4, 20, 4))
    assert breaches / 150 < 0.1
