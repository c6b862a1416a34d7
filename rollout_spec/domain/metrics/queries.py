"""PromQL expressions of triggers. Each is about one version."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from rollout_spec.core.text import excerpt
from rollout_spec.core.units import LONGEST_DURATION, format_duration
from rollout_spec.domain.metrics import promql
from rollout_spec.domain.metrics.profiles import PROFILES, Profile
from rollout_spec.spec.triggers import Latency, Threshold
from rollout_spec.spec.workspace import Metric, Ratio

ERROR_RATE = "error_rate"


@dataclass(frozen=True)
class Arm:
    """The values that identify one version in the labels of metrics."""

    rollout: str
    version: str
    namespace: str
    backend: str


@dataclass(frozen=True)
class Expression:
    """PromQL that gives a sample without labels while a bound is broken.

    ``counted`` is the counter of requests.
    """

    breach: str
    counted: str | None


class Immeasurable(ValueError):
    """A trigger that a profile and a workspace cannot measure, with the reason."""


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
    if metric is not None and not isinstance(metric, Ratio):
        worst = "max" if sign == ">" else "min"  # of replicas that each have a series
        query = _fill(metric.query, arm, trigger.window)
        vector = f"vector({query})" if promql.type_of(query) == "scalar" else query
        return Expression(f"{worst}({vector}) {sign} {_plain(number)}", None)
    if metric is None and trigger.metric != ERROR_RATE:
        raise Immeasurable(f"neither the profile nor the workspace declares the metric `{trigger.metric}`")
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

    If the bound is a boundary of a bucket, the share of slower requests is exact and adds up over replicas. Otherwise
    the quantile is interpolated inside a bucket (https://prometheus.io/docs/practices/histograms/).
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
    """Return PromQL that gives no sample until a window holds ``minimum`` requests."""
    if expression.counted is None or not minimum:
        return expression.breach
    return f"{expression.breach} and sum(increase({expression.counted}[{duration(window)}])) >= {minimum}"


def duration(value: timedelta) -> str:
    """Return a duration in the syntax of Prometheus. Immeasurable if it is out of its range."""
    if not timedelta(0) < value <= LONGEST_DURATION:
        raise Immeasurable(f"Prometheus does not accept a duration of {format_duration(value)}")
    return format_duration(value)


_SELECTOR = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?\s*')
_ESCAPE = r'[abfnrtv"\\]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}'
_MATCHER = re.compile(rf'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\(?:{_ESCAPE}))*")\s*(?:,|$)')
_WORDS = frozenset({"atan2", "bool", "group_left", "group_right", "ignoring", "inf", "nan", "on"})
"""Keywords of PromQL that cannot be names of metrics. Others can."""
_BLANK = re.compile(r"\{\{\s*([a-zA-Z_]+)\s*\}\}")


def selector_problem(text: str) -> str | None:
    """Return the problem of a selector that a Workspace declares, or None."""
    try:
        _parse_selector(_BLANK.sub("x", text))
    except Immeasurable as error:
        return str(error)
    return blanks_problem(text)


def expressions(selector: str) -> list[str]:
    """Return the regular expressions of a selector that has no problem."""
    _, matchers = _parse_selector(_BLANK.sub("x", selector))
    quoted = (matcher.partition("~")[2] for matcher in matchers if re.match(r"\w+[=!]~", matcher))
    return [str(literal_eval(text)) for text in quoted]  # PromQL has the escapes of Python


def blanks_problem(text: str) -> str | None:
    """Return the problem of a ``{{ … }}`` that no value fills, or None."""
    for blank in _BLANK.findall(text):
        if blank not in ("rollout", "version", "window", "namespace"):
            return f"`{{{{ {blank} }}}}` is unknown: use rollout, version, window or namespace"
    if "{{" in _BLANK.sub("", text) and "}}" in _BLANK.sub("", text):
        return "a `{{ … }}` holds no name: use rollout, version, window or namespace"
    return None


def _parse_selector(text: str) -> tuple[str, list[str]]:
    match = _SELECTOR.fullmatch(text)
    if not match:
        raise Immeasurable(
            f'`{excerpt(text)}` is not a selector of one metric: write `name` or `name{{label="value"}}`'
        )
    if match[1].lower() in _WORDS:
        raise Immeasurable(f"`{match[1]}` is a keyword of PromQL, so no metric has that name")
    inside, matchers, at = (match[2] or "").strip(), [], 0
    while at < len(inside):
        matcher = _MATCHER.match(inside, at)
        if not matcher:
            message = f"`{excerpt(inside[at:].strip())}` is not a list of matchers"
            backslash = ", and `\\\\` for a backslash" if "\\" in inside[at:] else ""
            raise Immeasurable(f'{message}: write `label="value"`, with commas between{backslash}')
        if matcher[1] == "__name__":
            raise Immeasurable("`__name__` is the name of the metric: write it before the braces")
        matchers.append(f"{matcher[1]}{matcher[2]}{matcher[3]}")
        at = matcher.end()
    return match[1], matchers


def _narrowed(text: str, profile: Profile, arm: Arm, window: timedelta) -> str:
    """Add the version's label to a selector that names no version."""
    name, matchers = _parse_selector(_fill(text, arm, window))
    label, source = next(iter(profile.identity.items()))
    names_one = "version" in _BLANK.findall(text) or any(re.match(rf"{label}(=|!)", matcher) for matcher in matchers)
    return _select(name, matchers if names_one else [*matchers, f"{label}={_quoted(getattr(arm, source))}"])


def _matchers(profile: Profile, arm: Arm) -> list[str]:
    identity = {label: getattr(arm, source) for label, source in profile.identity.items()}
    return [f"{label}={_quoted(value)}" for label, value in {**profile.matchers, **identity}.items()]


def _select(name: str, matchers: list[str]) -> str:
    return f"{name}{{{', '.join(matchers)}}}"


def _quoted(text: str) -> str:
    """Return a text as a PromQL string, which has the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _spellings(bound: Decimal) -> str:
    """Return a pattern of a boundary as exporters and Prometheus 3 spell it.

    Examples: ``250.0``, ``1.8e+06``.
    """
    return "|".join(dict.fromkeys(re.escape(text) + r"(\.0+)?" for text in (_plain(bound), f"{float(bound):g}")))


def _fill(text: str, arm: Arm, window: timedelta) -> str:
    values = {
        "rollout": arm.rollout,
        "version": arm.version,
        "namespace": arm.namespace,
        "window": duration(window),
    }
    return _BLANK.sub(lambda blank: values[blank[1]], text)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
