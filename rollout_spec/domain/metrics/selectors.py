"""Selectors of metrics in PromQL: read from a Workspace, or made from a profile, each for one version."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from rollout_spec.core.text import excerpt
from rollout_spec.core.units import LONGEST_DURATION, format_duration
from rollout_spec.domain.metrics.profiles import Profile


@dataclass(frozen=True)
class Arm:
    """The values that identify one version in the labels of metrics."""

    rollout: str
    version: str
    namespace: str
    backend: str


class Immeasurable(ValueError):
    """A trigger that a profile and a workspace cannot measure, with the reason."""


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


def narrowed(text: str, profile: Profile, arm: Arm, window: timedelta) -> str:
    """Add the version's label to a selector that names no version."""
    name, matchers = _parse_selector(fill(text, arm, window))
    label, source = next(iter(profile.identity.items()))
    names_one = "version" in _BLANK.findall(text) or any(re.match(rf"{label}(=|!)", matcher) for matcher in matchers)
    return select(name, matchers if names_one else [*matchers, f"{label}={quoted(getattr(arm, source))}"])


def matchers(profile: Profile, arm: Arm) -> list[str]:
    identity = {label: getattr(arm, source) for label, source in profile.identity.items()}
    return [f"{label}={quoted(value)}" for label, value in {**profile.matchers, **identity}.items()]


def select(name: str, matchers: list[str]) -> str:
    return f"{name}{{{', '.join(matchers)}}}"


def quoted(text: str) -> str:
    """Return a text as a PromQL string, which has the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def spellings(bound: Decimal) -> str:
    """Return a pattern of a boundary as exporters and Prometheus 3 spell it.

    Examples: ``250.0``, ``1.8e+06``.
    """
    return "|".join(dict.fromkeys(re.escape(text) + r"(\.0+)?" for text in (plain(bound), f"{float(bound):g}")))


def fill(text: str, arm: Arm, window: timedelta) -> str:
    values = {
        "rollout": arm.rollout,
        "version": arm.version,
        "namespace": arm.namespace,
        "window": duration(window),
    }
    return _BLANK.sub(lambda blank: values[blank[1]], text)


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
