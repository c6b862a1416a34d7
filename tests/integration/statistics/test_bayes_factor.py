"""The comparison of events by their split agrees with the published formula, in scipy, and has the mean 1."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.bayes_factor import counted_share, log_bayes_factor, log_evidence
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.statistics.onset import log_mixture

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)


@some
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0.001, 0.999), st.floats(1, 1000))
def test_it_is_the_published_formula(candidate: int, stable: int, share: float, weight: float) -> None:
    special = oracle("scipy.special")
    a, b = weight * share, weight * (1 - share)
    expected = special.betaln(a + candidate, b + stable) - special.betaln(a, b)
    expected -= special.xlogy(candidate, share) + special.xlog1py(stable, -share)
    found = log_bayes_factor(candidate, stable, share, weight)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-7)  # the terms are as large as 1e7


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("events", [1, 20, 300])
def test_its_mean_is_1_if_both_versions_fail_equally_often(share: float, events: int) -> None:
    log_chance = oracle("scipy.stats").binom(events, share).logpmf
    logs = [float(log_chance(own)) + log_bayes_factor(own, events - own, share) for own in range(events + 1)]
    assert math.fsum(map(math.exp, logs)) == pytest.approx(1, rel=1e-9)


@some
@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.01, 0.99))
def test_after_any_past_the_next_event_changes_the_mean_by_nothing(candidate: int, stable: int, share: float) -> None:
    now = log_bayes_factor(candidate, stable, share)
    own, other = log_bayes_factor(candidate + 1, stable, share), log_bayes_factor(candidate, stable + 1, share)
    assert share * math.exp(own - now) + (1 - share) * math.exp(other - now) == pytest.approx(1, rel=1e-9)


def test_it_is_evidence_in_both_directions_and_none_without_events() -> None:
    assert log_bayes_factor(0, 0, 0.05) == 0
    assert log_bayes_factor(20, 80, 0.05) > math.log(20)
    assert log_bayes_factor(0, 200, 0.05) > math.log(20)
    assert log_bayes_factor(5, 95, 0.05) < 0


def ticks_of(pairs: Iterable[tuple[int, int]]) -> list[Tick]:
    """Return ticks with these failures of the candidate and of stable."""
    return [Tick(index + 1.0, Counts(old, 1900), Counts(new, 100)) for index, (new, old) in enumerate(pairs)]


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_on_a_whole_tree_the_mean_with_onset_is_at_most_1(share: float) -> None:
    """All courses of seven ticks with one failure each, with a stop at the first moment above 1.2, or at the end."""
    mean = stopped = 0.0
    for course in itertools.product((0, 1), repeat=7):
        chance = math.prod(share if own else 1 - share for own in course)
        ticks = ticks_of((own, 1 - own) for own in course)
        values = list(map(math.exp, log_evidence(ticks, share)))
        mean += chance * values[-1]
        stopped += chance * next((value for value in values if value >= 1.2), values[-1])
    assert 0.2 < mean < 1
    assert 0.2 < stopped < 1


def by_definition(ticks: list[Tick], share: float | None) -> float:
    """Return the evidence after the last tick: each start is computed alone."""
    since = []
    for start in range(len(ticks)):
        nothing = Counts(0, 0)
        own = sum((tick.candidate for tick in ticks[start:]), nothing)
        other = sum((tick.stable for tick in ticks[start:]), nothing)
        part = share or counted_share(own, other)
        is_worse = part is not None and own.events * (1 - part) > other.events * part
        since.append(log_bayes_factor(own.events, other.events, part) if part and is_worse else -math.inf)
    return log_mixture(since)


quantities = st.one_of(st.integers(0, 50).map(float), st.floats(0, 200).filter(lambda each: each > 1e-6))
pairs = st.builds(lambda events, more: Counts(events, events + more), quantities, quantities)


@some
@given(st.lists(st.tuples(pairs, pairs), max_size=30), st.sampled_from([None, 0.01, 0.05, 0.5]))
def test_the_evidence_is_that_of_each_start_alone(arms: list[tuple[Counts, Counts]], share: float | None) -> None:
    ticks = [Tick(index + 1.0, *counts) for index, counts in enumerate(arms)]
    expected = [by_definition(ticks[: index + 1], share) for index in range(len(ticks))]
    assert log_evidence(ticks, share) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_late_failure_is_found_sooner_with_an_onset() -> None:
    """Two in a hundred fail for 100 ticks, then eight of the candidate's."""
    ticks = ticks_of([(2, 38)] * 100 + [(8, 38)] * 20)
    with_onset = next(end for end in range(100, 121) if log_evidence(ticks[:end], 0.05)[-1] >= math.log(20))
    totals = itertools.accumulate(tick.candidate.events for tick in ticks)
    others = itertools.accumulate(tick.stable.events for tick in ticks)
    plain = [log_bayes_factor(new, old, 0.05) for new, old in zip(totals, others, strict=True)]
    without = next(index + 1 for index, value in enumerate(plain) if value >= math.log(20))
    assert 100 < with_onset < without - 3 < 120


def test_without_a_planned_share_the_counted_one_is_used() -> None:
    ticks = ticks_of([(8, 40)] * 20)
    assert log_evidence(ticks, None) == pytest.approx(log_evidence(ticks, 0.05), rel=1e-9)
    silent = [Tick(1.0, Counts(0, 0), Counts(3, 10))]
    assert log_evidence(silent, None) == [pytest.approx(-math.log(2))]
    assert counted_share(Counts(0, 5), Counts(0, 15)) == 0.25
    assert counted_share(Counts(0, 0), Counts(0, 15)) is None


def test_with_an_onset_only_a_worse_candidate_is_evidence() -> None:
    assert log_evidence([], 0.05) == []
    assert log_evidence(ticks_of([(0, 40)] * 20), 0.05)[-1] < 0
    assert log_evidence(ticks_of([(8, 40)] * 20), 0.05)[-1] > math.log(20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 2, 0.0), "a share must lie strictly between 0 and 1, not 0.0"),
        ((1, 2, 1.0), "a share must lie strictly between 0 and 1, not 1.0"),
        ((math.nan, 2, 0.5), "events of the candidate must be a finite number of at least 0, not nan"),
        ((1, -2, 0.5), "events of stable must be a finite number of at least 0, not -2"),
        ((1, 2, 0.5, 0.0), "the weight must be a finite number above 0, not 0.0"),
    ],
)
def test_inputs_that_are_none_are_refused(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError) as error:
        log_bayes_factor(*arguments)
    assert str(error.value) == message
