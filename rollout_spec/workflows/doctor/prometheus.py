"""The check of the Prometheus that the gate reads: answer, clock and samples.

All problems are warnings: a rollback needs no Prometheus, and the gate may run on another machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from rollout_spec.core.errors import UserError
from rollout_spec.domain.metrics.clock import clock_problem
from rollout_spec.domain.metrics.counts import counters_of
from rollout_spec.domain.metrics.profiles import DEFAULT_PROFILE, PROFILES
from rollout_spec.domain.metrics.selectors import Immeasurable
from rollout_spec.integrations.prometheus import PrometheusClient, QueryRefusedError
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.triggers import Comparison, Latency, Threshold
from rollout_spec.spec.workspace import Value
from rollout_spec.workflows.doctor.result import DoctorResult, ok, warning
from rollout_spec.workflows.gate_triggers import StageWindow
from rollout_spec.workflows.secrets import read_secret
from rollout_spec.workspace.repository import Repository

_SECONDS = 5.0
"""The time for one query."""
_MOST_SECONDS = 30.0
"""The time for all queries: a workspace may have hundreds of rollouts."""
_MOST_SHOWN = 10
_ELSEWHERE = "run doctor where the gate runs, with its network and environment"
_LABELS = "compare the labels with those in Prometheus: `service.metrics`, `spec.metrics`, or `backend` of the target"


@dataclass(frozen=True)
class _Selector:
    """A selector of a trigger for the stable version of a rollout."""

    rollout: str
    trigger: str
    version: str
    text: str


def prometheus(settings: Prometheus | None, repository: Repository, now: datetime) -> Iterator[DoctorResult]:
    """Check the Prometheus of a workspace; nothing without one."""
    if settings is None:
        return
    try:
        token = read_secret(settings.auth.bearer) if settings.auth is not None else None
        client = PrometheusClient(settings.url, token, timeout=_SECONDS)
    except UserError as error:
        yield warning("prometheus", error.message, _ELSEWHERE)
        return
    with closing(client):
        try:
            answer = client.query("vector(1)", now)
        except UserError as error:
            yield warning("prometheus", error.message, error.hint or _ELSEWHERE)
            return
        problem = clock_problem(answer.date, datetime.now(UTC))
        if problem is not None:
            yield warning("prometheus", problem, "use a time server: the gate reads nothing until then")
        yield from _samples(client, list(_selectors(repository)), now, settings.url)


def _samples(client: PrometheusClient, selectors: list[_Selector], now: datetime, url: str) -> Iterator[DoctorResult]:
    """Yield a warning for each selector without a sample of the last ten minutes."""
    end, known, silent, is_refused = time.monotonic() + _MOST_SECONDS, dict[str, bool](), 0, False
    for number, each in enumerate(selectors, start=1):
        if time.monotonic() > end:
            left = f"{len(selectors) - number + 1:,} of {len(selectors):,}"
            yield warning("prometheus", f"it is slow: {left} selectors were not asked for in time")
            return
        try:
            if each.text not in known:
                known[each.text] = bool(client.query(f"count(last_over_time({each.text}[10m]))", now).series)
        except QueryRefusedError as error:
            yield warning("prometheus", f"{each.trigger} of {each.rollout}: {error.message}", error.hint)
            known[each.text] = is_refused = True
        except UserError as error:
            yield warning("prometheus", error.message, error.hint or _ELSEWHERE)
            return
        if known[each.text]:
            continue
        silent += 1
        if silent <= _MOST_SHOWN:
            message = f"{each.trigger} of {each.rollout} finds no sample of {each.version} in ten minutes: {each.text}"
            yield warning("prometheus", message, _LABELS)
    if silent > _MOST_SHOWN:
        yield warning("prometheus", f"{silent - _MOST_SHOWN:,} more selectors find no sample", _LABELS)
    if not silent and not is_refused:
        many = "1 selector" if len(selectors) == 1 else f"{len(selectors):,} selectors"
        more = f", and {many} of stable versions find samples" if selectors else ""
        yield ok("prometheus", f"{url} answers{more}")


def _selectors(repository: Repository) -> Iterator[_Selector]:
    """Yield the selectors of all triggers that are judged from counts, for stable."""
    for name in repository.names("rollouts"):
        file = repository.rollout(name)
        if file is not None and file.model is not None:
            yield from _of_rollout(file.model, repository)


def _of_rollout(rollout: ModelRollout, repository: Repository) -> Iterator[_Selector]:
    spec, name = rollout.spec, rollout.metadata.name
    moment = datetime.fromtimestamp(0, UTC)
    window = StageWindow(rollout, repository, spec.stages[0], moment, moment)
    own, profile = window.metrics, PROFILES.get(spec.service.metrics or DEFAULT_PROFILE)
    for trigger in spec.triggers:
        if profile is None or not isinstance(trigger, Threshold | Latency | Comparison):
            continue
        if isinstance(trigger, Comparison) and trigger.judged_by == "external":
            continue
        if not isinstance(trigger, Latency) and isinstance(own.get(trigger.metric), Value):
            continue
        try:
            counters = counters_of(trigger, profile, own, window.metric_arm(spec.live.stable))
        except Immeasurable:  # a rule says so
            continue
        # A counter of failures exists from the first failure on, but a histogram has all its buckets.
        for text in (counters.total, counters.part) if isinstance(trigger, Latency) else (counters.total,):
            yield _Selector(name, trigger.name, spec.live.stable, text)
