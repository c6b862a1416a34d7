"""A metric profile says what requests, errors and latency are called on a stack, and how versions are told apart.

To add a profile, add an entry to ``PROFILES``. The names are those of the exporters' own documentation; ``backend`` is
the name of the version's backend (``fraud-v42-predictor``), ``version`` the version itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

from rollout_spec import promql
from rollout_spec.scalars import excerpt
from rollout_spec.spec.rollout import Latency, Threshold
from rollout_spec.spec.workspace import Metric, Ratio
from rollout_spec.units import LONGEST_DURATION, format_duration

DEFAULT_PROFILE = "generic"
ERROR_RATE = "error_rate"
_PROXY_BUCKETS = "0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000"
_CLIENT_BUCKETS = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10"


@dataclass(frozen=True)
class Profile:
    """How one stack counts the requests of a version.

    ``requests`` is a counter and ``latency`` a histogram with ``buckets`` in ``unit``; ``failed`` matches the requests
    that the server failed. ``identity`` maps labels to ``backend``, ``version``, ``rollout`` or ``namespace``; the
    first one is the version's.
    """

    requests: str
    latency: str
    unit: Literal["ms", "s"]
    buckets: tuple[Decimal, ...]
    failed: str
    identity: Mapping[str, str]
    matchers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def boundaries(self) -> list[timedelta]:
        """The boundaries of the latency histogram's buckets, ascending."""
        return [timedelta(milliseconds=float(each * (1 if self.unit == "ms" else 1000))) for each in self.buckets]


def _buckets(text: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, text.split()))


PROFILES: dict[str, Profile] = {
    # https://istio.io/latest/docs/reference/config/metrics/
    "istio": Profile(
        requests="istio_requests_total",
        latency="istio_request_duration_milliseconds",
        unit="ms",
        buckets=_buckets(_PROXY_BUCKETS),
        failed='response_code=~"5.."',
        identity={"destination_workload": "backend", "destination_workload_namespace": "namespace"},
        matchers={"reporter": "destination"},
    ),
    # https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
    "envoy": Profile(
        requests="envoy_cluster_upstream_rq",
        latency="envoy_cluster_upstream_rq_time",
        unit="ms",
        buckets=_buckets(_PROXY_BUCKETS),
        failed='envoy_response_code=~"5.."',
        identity={"envoy_cluster_name": "backend"},
    ),
    # https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/
    "nginx": Profile(
        requests="nginx_ingress_controller_requests",
        latency="nginx_ingress_controller_request_duration_seconds",
        unit="s",
        buckets=_buckets(_CLIENT_BUCKETS),
        failed='status=~"5.."',
        identity={"service": "backend", "exported_namespace": "namespace"},
    ),
    # A server that counts its own requests with a Prometheus client library and its default buckets.
    "generic": Profile(
        requests="http_requests_total",
        latency="http_request_duration_seconds",
        unit="s",
        buckets=_buckets(_CLIENT_BUCKETS),
        failed='code=~"5.."',
        identity={"version": "version", "rollout": "rollout"},
    ),
}


@dataclass(frozen=True)
class Arm:
    """One version as metrics know it."""

    rollout: str
    version: str
    namespace: str
    backend: str


@dataclass(frozen=True)
class Expression:
    """PromQL that gives a sample, without labels, while a bound is broken; ``counted`` is what a guard may count."""

    breach: str
    counted: str | None


class Immeasurable(ValueError):
    """A trigger that a profile and a workspace cannot measure, and why."""


def names(profile: str, own: Mapping[str, Metric]) -> list[str]:
    """Return the metrics that a threshold may watch."""
    return sorted({ERROR_RATE, *own}) if profile in PROFILES else sorted(own)


def kind_of(metric: str, own: Mapping[str, Metric]) -> Literal["ratio", "value"] | None:
    """Return what a metric is, None where nothing declares it."""
    if metric in own:
        return own[metric].kind
    return "ratio" if metric == ERROR_RATE else None


def threshold(trigger: Threshold, profile: Profile, own: Mapping[str, Metric], arm: Arm) -> Expression:
    """Return PromQL for a threshold. Bounds on ratios are shares of 1; Immeasurable where a selector makes no sense."""
    sign, bound = (">", trigger.above) if trigger.above is not None else ("<", trigger.below)
    assert bound is not None
    number = bound.number
    metric = own.get(trigger.metric)
    if metric is not None and not isinstance(metric, Ratio):
        worst = "max" if sign == ">" else "min"  # of replicas that each have a series
        query = _fill(metric.query, arm, trigger.window)
        vector = f"vector({query})" if promql.type_of(query) == "scalar" else query
        return Expression(f"{worst}({vector}) {sign} {_plain(number)}", None)
    if metric is None and trigger.metric != ERROR_RATE:
        raise Immeasurable(f"no profile and no workspace says what `{trigger.metric}` is")
    if metric is None:
        total = _select(profile.requests, _matchers(profile, arm))
        events = _select(profile.requests, [*_matchers(profile, arm), profile.failed])
    else:
        total = _narrowed(metric.total, profile, arm, trigger.window)
        events = _narrowed(metric.events, profile, arm, trigger.window)
    window = duration(trigger.window)
    # A counter of failures does not exist before the first failure: that is 0, while no total is no data.
    ratio = f"(sum(rate({events}[{window}])) or vector(0)) / sum(rate({total}[{window}]))"
    return Expression(f"{ratio} {sign} {_plain(number / 100)}", total)


def latency(trigger: Latency, profile: Profile, arm: Arm) -> Expression:
    """Return PromQL for a latency trigger.

    Where the bound is a boundary of a bucket, the share of slower requests is exact and adds up over replicas;
    elsewhere the quantile is interpolated inside a bucket (https://prometheus.io/docs/practices/histograms/).
    """
    window = duration(trigger.window)
    bound = Decimal(trigger.above // timedelta(milliseconds=1)) / (1 if profile.unit == "ms" else 1000)
    matchers = _matchers(profile, arm)
    counted = _select(f"{profile.latency}_count", matchers)
    if bound in profile.buckets:
        fast = _select(f"{profile.latency}_bucket", [*matchers, f"le=~{_quoted(_spellings(bound))}"])
        share = f"1 - sum(rate({fast}[{window}])) / sum(rate({counted}[{window}]))"
        # In floating point 1 - 0.99 is not 0.01, but it is 1 - 0.99.
        return Expression(f"{share} > 1 - {_plain(trigger.quantile / 100)}", counted)
    buckets = _select(f"{profile.latency}_bucket", matchers)
    quantile = f"histogram_quantile({_plain(trigger.quantile / 100)}, sum by (le) (rate({buckets}[{window}])))"
    return Expression(f"{quantile} > {_plain(bound)}", counted)


def guarded(expression: Expression, window: timedelta, minimum: int) -> str:
    """Return PromQL that is silent until a window holds ``minimum`` requests: fewer say nothing."""
    if expression.counted is None or not minimum:
        return expression.breach
    return f"{expression.breach} and sum(increase({expression.counted}[{duration(window)}])) >= {minimum}"


def duration(value: timedelta) -> str:
    """Return a duration as Prometheus takes it. Immeasurable where it takes none such."""
    if not timedelta(0) < value <= LONGEST_DURATION:
        raise Immeasurable(f"Prometheus takes no duration of {format_duration(value)}")
    return format_duration(value)


_SELECTOR = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?\s*')
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)')
_BLANK = re.compile(r"\{\{\s*([a-zA-Z_]+)\s*\}\}")


def selector_problem(text: str) -> str | None:
    """Say what is wrong with a selector that a Workspace declares; None where it can be used."""
    try:
        _parse_selector(_BLANK.sub("x", text))
    except Immeasurable as error:
        return str(error)
    return blanks_problem(text)


def blanks_problem(text: str) -> str | None:
    """Say which ``{{ … }}`` of a query nothing fills in; None where all are."""
    for blank in _BLANK.findall(text):
        if blank not in ("rollout", "version", "window", "namespace"):
            return f"nothing fills in `{{{{ {blank} }}}}`: there is rollout, version, window and namespace"
    if "{{" in _BLANK.sub("", text) and "}}" in _BLANK.sub("", text):
        return "a `{{ … }}` here is no name: there is rollout, version, window and namespace"
    return None


def _parse_selector(text: str) -> tuple[str, list[str]]:
    match = _SELECTOR.fullmatch(text)
    if not match:
        raise Immeasurable(f'`{excerpt(text)}` is no selector of one metric: write `name` or `name{{label="value"}}`')
    inside, matchers, at = (match[2] or "").strip(), [], 0
    while at < len(inside):
        found = _MATCHER.match(inside, at)
        if not found:
            words = f"`{excerpt(inside[at:].strip())}` is no list of matchers"
            raise Immeasurable(f'{words}: write `label="value"`, with commas between')
        matchers.append(f"{found[1]}{found[2]}{found[3]}")
        at = found.end()
    return match[1], matchers


def _narrowed(text: str, profile: Profile, arm: Arm, window: timedelta) -> str:
    """Add the version's label to a selector that names no version."""
    name, matchers = _parse_selector(_fill(text, arm, window))
    label, source = next(iter(profile.identity.items()))
    names_one = "version" in _BLANK.findall(text) or any(re.match(rf"{label}(=|!)", matcher) for matcher in matchers)
    return _select(name, matchers if names_one else [*matchers, f"{label}={_quoted(getattr(arm, source))}"])


def _matchers(profile: Profile, arm: Arm) -> list[str]:
    told = {label: getattr(arm, source) for label, source in profile.identity.items()}
    return [f"{label}={_quoted(value)}" for label, value in {**profile.matchers, **told}.items()]


def _select(name: str, matchers: list[str]) -> str:
    return f"{name}{{{', '.join(matchers)}}}"


def _quoted(text: str) -> str:
    """Spell a text as PromQL does; it escapes what JSON escapes."""
    return json.dumps(text, ensure_ascii=False)


def _spellings(bound: Decimal) -> str:
    """Return a pattern of a boundary as exporters write it, or as Prometheus 3 does: ``250.0``, ``1.8e+06``."""
    return "|".join(dict.fromkeys(re.escape(text) + r"(\.0+)?" for text in (_plain(bound), f"{float(bound):g}")))


def _fill(text: str, arm: Arm, window: timedelta) -> str:
    known = {
        "rollout": arm.rollout,
        "version": arm.version,
        "namespace": arm.namespace,
        "window": duration(window),
    }
    return _BLANK.sub(lambda blank: known[blank[1]], text)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
