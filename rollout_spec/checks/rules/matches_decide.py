"""A stage's match picks requests that a router can tell, and the next stage does not give them back to stable.

In a stage that gives the candidate everything a match picks nothing. Nor does one of ``host``, which is the same in all
requests of a rollout; of a header about one connection, which the proxies on the way replace; of a value with spaces at
its ends, which a header's value never has, or with letters beyond ASCII, which each client sends in its own encoding.
Two stages that match one header (in any case, since names of headers have none) by different values take the candidate
away from the callers who had it: they flip from one model to the other and back.

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

_OF_A_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)


def check(subject: Subject) -> Iterator[Problem]:
    """Look at each match by itself, and beside those of earlier stages."""
    stages: Sequence[Stage] = subject.model.spec.stages
    for index, stage in enumerate(stages):
        if stage.match is None:
            continue
        at: KeyPath = ("spec", "stages", index, "match")
        if stage.weight == 100:
            words = f"{stage.name} gives the candidate all requests, so that a match picks none"
            yield Problem(at, words, "remove it", "warning", on_key=True)
            continue
        yield from _unmatched(stage.match, at)
        yield from _flipping(stage.match, stages[:index], at)


def _unmatched(match: Match, at: KeyPath) -> Iterator[Problem]:
    name, value = match.header.lower(), match.value
    another = "match a header that callers set, such as `x-model-arm`"
    if name == "host":
        words = "all requests of a rollout have its own host, so that this matches all or none"
        yield Problem((*at, "header"), words, another, "warning")
    elif name in _OF_A_CONNECTION:
        words = f"`{match.header}` is about one connection, and the proxies on the way replace it"
        yield Problem((*at, "header"), words, another, "warning")
    if value != value.strip(" \t"):
        words = "a header's value has no spaces at its ends, so that this matches nothing"
        yield Problem((*at, "value"), words, f'write "{excerpt(value.strip())}"', "warning")
    elif not value.isascii():
        words = "a header's value is ASCII; each client sends other letters in its own encoding"
        yield Problem((*at, "value"), words, severity="warning")


def _flipping(match: Match, before: Sequence[Stage], at: KeyPath) -> Iterator[Problem]:
    for stage in reversed(before):
        if stage.match and stage.match.header.lower() == match.header.lower():
            if stage.match.value != match.value:
                had = f"`{stage.match.header}: {excerpt(stage.match.value)}`"
                words = f"requests with {had} met the candidate in {stage.name}, and go back to stable here"
                hint = "match one value in all stages, and let more callers send it"
                yield Problem((*at, "value"), words, hint, "warning")
            return
