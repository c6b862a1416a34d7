"""Every trigger can be measured, and can fire.

Prometheus drops a whole rule file if it refuses the query of one alert, and an alert that can never fire guards
nothing. So a query must give a vector or a scalar, and windows must be durations that Prometheus accepts.

Latency is counted in the buckets of a histogram. At a boundary of a bucket the share of slower requests is exact.
Between two boundaries Prometheus interpolates, as if requests were spread evenly: whether ``180ms`` is exceeded is a
guess if the quantile lies between 100ms and 250ms. Slow requests above the largest boundary are not distinguished, and
the quantile never exceeds it. If your histograms have other boundaries, say so in a comment that silences this rule.

Source: https://prometheus.io/docs/practices/histograms/#errors-of-quantile-estimation

Fails::

    spec:
      triggers:
        - {name: latency-sla, type: latency, quantile: 99%, above: 180ms}    # istio counts up to 100ms and 250ms

Passes::

    spec:
      triggers:
        - {name: latency-sla, type: latency, quantile: 99%, above: 250ms}
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.units import LONGEST_DURATION, format_duration, format_share
from rollout_spec.domain.metrics import promql
from rollout_spec.domain.metrics.profiles import DEFAULT_PROFILE, PROFILES

if TYPE_CHECKING:
    from rollout_spec.spec.triggers import Latency
    from rollout_spec.spec.workspace import Metric

KINDS = frozenset({"ModelRollout", "Workspace"})
NEEDS = ""
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Check the queries of a workspace, or the windows and bounds of a rollout's triggers."""
    if subject.file.kind == "Workspace":
        yield from _queries(subject.model.spec.metrics)
        return
    spec = subject.model.spec
    profile = spec.service.metrics or DEFAULT_PROFILE
    for index, trigger in enumerate(spec.triggers):
        at: KeyPath = ("spec", "triggers", index)
        if trigger.type in ("threshold", "latency"):
            yield from _duration(trigger.window, (*at, "window"))
            yield from _duration(trigger.for_ or None, (*at, "for"))
        if trigger.type == "latency":
            yield from _boundary(trigger, profile, (*at, "above"))


def _queries(declared: Mapping[str, Metric]) -> Iterator[Problem]:
    for name, metric in declared.items():
        if metric.kind != "value":
            continue
        result_type = promql.type_of(metric.query)
        if result_type in ("range", "string"):
            message = f"this query gives a {result_type}; a bound needs one number"
            hint = (
                "take its last value, its mean or its rate: `last_over_time(…[5m])`" if result_type == "range" else None
            )
            yield Problem(("spec", "metrics", name, "query"), message, hint)


def _duration(value: timedelta | None, at: KeyPath) -> Iterator[Problem]:
    if value is not None and not timedelta(0) < value <= LONGEST_DURATION:
        message = f"Prometheus does not accept a duration of {format_duration(value)}"
        yield Problem(at, message, "write a duration such as `5m`")


def _boundary(trigger: Latency, name: str, at: KeyPath) -> Iterator[Problem]:
    """Compare the bound with the boundaries of the profile's histogram."""
    boundaries = PROFILES[name].boundaries
    if trigger.above in boundaries:
        return
    position = bisect(boundaries, trigger.above)
    if not trigger.above:
        yield Problem(at, "every request takes longer than 0s, so this trigger always fires", "write a longer time")
    elif position == len(boundaries):
        last = format_duration(boundaries[-1])
        message = f"this trigger never fires: the {name} profile does not distinguish requests slower than {last}"
        yield Problem(at, message, f"write {last} or less")
    else:
        bound, quantile = format_duration(trigger.above), format_share(trigger.quantile)
        nearest = [format_duration(boundary) for boundary in boundaries[max(position - 1, 0) : position + 1]]
        location = (
            f"between the boundaries {' and '.join(nearest)}" if position else f"below {nearest[0]}, the first boundary"
        )
        message = f"{bound} lies {location} of the {name} profile, so the {quantile} quantile there is a guess"
        yield Problem(
            at, message, f"write {' or '.join(nearest)}, where slower requests are counted exactly", "warning"
        )
