"""PromQL expressions of triggers. Each is about one version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from rollout_spec.domain.metrics import promql, selectors
from rollout_spec.domain.metrics.profiles import PROFILES, Profile
from rollout_spec.domain.metrics.selectors import Arm, Immeasurable, duration, plain
from rollout_spec.spec.triggers import Latency, Threshold
from rollout_spec.spec.workspace import Metric, Ratio, Value

ERROR_RATE = "error_rate"


@dataclass(frozen=True)
class Expression:
    """PromQL that gives a sample without labels while a bound is broken.

    ``counted`` is the counter of requests.
    """

    breach: str
    counted: str | None


@dataclass(frozen=True)
class Counters:
    """The selectors of two counters: of ``total`` requests, and of a ``part`` of them."""

    total: str
    part: str


def names(profile: str, own: Mapping[str, Metric]) -> list[str]:
    """Return the metrics that a threshold may watch."""
    return sorted({ERROR_RATE, *own}) if profile in PROFILES else sorted(own)


def kind_of(metric: str, own: Mapping[str, Metric]) -> Literal["ratio", "value"] | None:
    """Return the kind of a metric, or None if it is not declared."""
    if metric in own:
        return own[metric].kind
    return "ratio" if metric == ERROR_RATE else None


def threshold(trigger: Threshold, profile: Profile, own: Mapping[str, Metric], arm: Arm) -> Expression:
    """Return PromQL for a threshold, with bounds on ratios as shares of 1.

    Immeasurable if a selector is not valid.
    """
    sign, bound = (">", trigger.above) if trigger.above is not None else ("<", trigger.below)
    assert bound is not None
    number = bound.number
    metric = own.get(trigger.metric)
    if isinstance(metric, Value):
        worst = "max" if sign == ">" else "min"  # of replicas that each have a series
        return Expression(f"{worst}({vector(metric, arm, trigger.window)}) {sign} {plain(number)}", None)
    ratio = counters(trigger.metric, profile, own, arm, trigger.window)
    window = duration(trigger.window)
    # A counter of failures does not exist before the first failure: that is 0, while no total is no data.
    share = f"(sum(rate({ratio.part}[{window}])) or vector(0)) / sum(rate({ratio.total}[{window}]))"
    return Expression(f"{share} {sign} {plain(number / 100)}", ratio.total)


def latency(trigger: Latency, profile: Profile, arm: Arm) -> Expression:
    """Return PromQL for a latency trigger.

    If the bound is a boundary of a bucket, the share of slower requests is exact and adds up over replicas. Otherwise
    the quantile is interpolated inside a bucket (https://prometheus.io/docs/practices/histograms/).
    """
    window = duration(trigger.window)
    matchers = selectors.matchers(profile, arm)
    counted = selectors.select(f"{profile.latency}_count", matchers)
    if trigger.above in profile.boundaries:
        fast = buckets_at(trigger, profile, arm).part
        share = f"1 - sum(rate({fast}[{window}])) / sum(rate({counted}[{window}]))"
        # In floating point 1 - 0.99 is not 0.01, but it is 1 - 0.99.
        return Expression(f"{share} > 1 - {plain(trigger.quantile / 100)}", counted)
    buckets = selectors.select(f"{profile.latency}_bucket", matchers)
    quantile = f"histogram_quantile({plain(trigger.quantile / 100)}, sum by (le) (rate({buckets}[{window}])))"
    return Expression(f"{quantile} > {plain(_in_unit(trigger.above, profile))}", counted)


def counters(name: str, profile: Profile, own: Mapping[str, Metric], arm: Arm, window: timedelta) -> Counters:
    """Return the counters of a ratio.

    Immeasurable if the metric is not a ratio, or if a selector is not valid.
    """
    metric = own.get(name)
    if isinstance(metric, Ratio):
        total, events = (selectors.narrowed(text, profile, arm, window) for text in (metric.total, metric.events))
        return Counters(total, events)
    if metric is not None:
        raise Immeasurable(f"`{name}` is a value, which has no counters")
    if name != ERROR_RATE:
        raise Immeasurable(f"neither the profile nor the workspace declares the metric `{name}`")
    matchers = selectors.matchers(profile, arm)
    return Counters(
        selectors.select(profile.requests, matchers), selectors.select(profile.requests, [*matchers, profile.failed])
    )


def buckets_at(trigger: Latency, profile: Profile, arm: Arm) -> Counters:
    """Return the counters of all requests, and of those within the bound.

    The bound must be a boundary of a bucket.
    """
    matchers = selectors.matchers(profile, arm)
    spellings = selectors.quoted(selectors.spellings(_in_unit(trigger.above, profile)))
    return Counters(
        selectors.select(f"{profile.latency}_count", matchers),
        selectors.select(f"{profile.latency}_bucket", [*matchers, f"le=~{spellings}"]),
    )


def vector(metric: Value, arm: Arm, window: timedelta) -> str:
    """Return the query of a metric for one version, as PromQL that gives a vector."""
    query = selectors.fill(metric.query, arm, window)
    return f"vector({query})" if promql.type_of(query) == "scalar" else query


def _in_unit(bound: timedelta, profile: Profile) -> Decimal:
    """Return a latency in the unit of a profile."""
    return Decimal(bound // timedelta(milliseconds=1)) / (1 if profile.unit == "ms" else 1000)


def guarded(expression: Expression, window: timedelta, minimum: int) -> str:
    """Return PromQL that gives no sample until a window holds ``minimum`` requests."""
    if expression.counted is None or not minimum:
        return expression.breach
    return f"{expression.breach} and sum(increase({expression.counted}[{duration(window)}])) >= {minimum}"
