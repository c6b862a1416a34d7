"""Every trigger can be measured, and can come true.

An alert whose query Prometheus refuses takes its whole rule file with it, and one that can never fire guards nothing.
So a query gives a vector or a scalar, and windows are durations that Prometheus takes. Latency is counted in the
buckets of a histogram. At a boundary of a bucket the share of slower requests is exact. Between two, Prometheus
interpolates the quantile as if requests were spread evenly: whether ``180ms`` is broken is a guess wherever the
quantile lies between 100ms and 250ms. Above the largest boundary slow requests are not told apart, and the quantile
never exceeds it. A stack whose histograms have boundaries of its own may say so in a comment that silences this.

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
    """Look at the queries of a workspace, and at the windows and bounds of a rollout's triggers."""
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
        found = promql.type_of(metric.query)
        if found in ("range", "string"):
            words = f"this gives a {found}, and a bound needs one number"
            hint = (
                "take the last one, the mean or the rate of it: `last_over_time(…[5m])`" if found == "range" else None
            )
            yield Problem(("spec", "metrics", name, "query"), words, hint)


def _duration(value: timedelta | None, at: KeyPath) -> Iterator[Problem]:
    if value is not None and not timedelta(0) < value <= LONGEST_DURATION:
        words = f"Prometheus takes no duration of {format_duration(value)}"
        yield Problem(at, words, "write a duration such as `5m`")


def _boundary(trigger: Latency, name: str, at: KeyPath) -> Iterator[Problem]:
    """Look for the bound among the boundaries of the profile's histogram."""
    boundaries = PROFILES[name].boundaries
    if trigger.above in boundaries:
        return
    place = bisect(boundaries, trigger.above)
    if not trigger.above:
        yield Problem(at, "all requests take longer than 0s, so that this is always broken", "write what is too slow")
    elif place == len(boundaries):
        last = format_duration(boundaries[-1])
        words = f"the {name} profile tells no requests apart that take longer than {last}: this never comes true"
        yield Problem(at, words, f"write {last} or less")
    else:
        bound, quantile = format_duration(trigger.above), format_share(trigger.quantile)
        near = [format_duration(each) for each in boundaries[max(place - 1, 0) : place + 1]]
        lies = f"between the boundaries {' and '.join(near)}" if place else f"below {near[0]}, the first boundary"
        words = f"{bound} lies {lies} of the {name} profile, so that the {quantile} quantile there is a guess"
        yield Problem(at, words, f"write {' or '.join(near)}, where slow requests are counted", "warning")
