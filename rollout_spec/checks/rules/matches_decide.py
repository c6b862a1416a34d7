"""A match selects requests that routers recognize and that stay with the candidate.

In a stage that gives the candidate all requests, a match has no effect. Some matches cannot work: ``host`` is the same
in all requests of a rollout; proxies replace headers that describe one connection; a header's value never has spaces at
its ends; and clients encode letters beyond ASCII in different ways. Two stages that match one header (in any case,
since names of headers have none) by different values send callers who had the candidate back to stable.

Source: https://www.rfc-editor.org/rfc/rfc9110 5.1, 5.5 and 7.6.1

Fails::

    spec:
      live: {stable: "41", candidate: "42", stage: staff}
      stages:
        - {name: staff, match: {header: connection, value: staff}, hold: 1h}    # proxies replace that header
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: ab-50, weight: 50%, hold: 48h}
        - {name: full, weight: 100%, hold: 24h}

Passes::

    spec:
      live: {stable: "41", candidate: "42", stage: staff}
      stages:
        - {name: staff, match: {header: x-group, value: staff}, hold: 1h}
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: ab-50, weight: 50%, hold: 48h}
        - {name: full, weight: 100%, hold: 24h}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import excerpt

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import Match, Stage

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False

_CONNECTION_HEADERS = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)


def check(subject: Subject) -> Iterator[Problem]:
    """Check each match alone, and against those of earlier stages."""
    stages: Sequence[Stage] = subject.model.spec.stages
    for index, stage in enumerate(stages):
        if stage.match is None:
            continue
        at: KeyPath = ("spec", "stages", index, "match")
        if stage.weight == 100:
            message = f"this match has no effect: {stage.name} gives the candidate all requests"
            yield Problem(at, message, "remove it", "warning", on_key=True)
            continue
        yield from _unreliable(stage.match, at)
        yield from _flipping(stage.match, stages[:index], at)


def _unreliable(match: Match, at: KeyPath) -> Iterator[Problem]:
    name, value = match.header.lower(), match.value
    hint = "match a header that callers set, such as `x-model-arm`"
    if name == "host":
        message = "all requests of a rollout have the same host, so this matches all or none"
        yield Problem((*at, "header"), message, hint, "warning")
    elif name in _CONNECTION_HEADERS:
        message = f"proxies replace `{match.header}`, because it describes one connection"
        yield Problem((*at, "header"), message, hint, "warning")
    if value != value.strip(" \t"):
        message = "this matches nothing: a header's value has no spaces at its ends"
        yield Problem((*at, "value"), message, f'write "{excerpt(value.strip())}"', "warning")
    elif not value.isascii():
        message = "this value has letters beyond ASCII, which clients encode in different ways"
        yield Problem((*at, "value"), message, severity="warning")


def _flipping(match: Match, before: Sequence[Stage], at: KeyPath) -> Iterator[Problem]:
    for stage in reversed(before):
        if stage.match and stage.match.header.lower() == match.header.lower():
            if stage.match.value != match.value:
                header = f"`{stage.match.header}: {excerpt(stage.match.value)}`"
                message = f"requests with {header} go to the candidate in {stage.name}, but back to stable here"
                hint = "match one value in all stages, and let more callers send it"
                yield Problem((*at, "value"), message, hint, "warning")
            return
