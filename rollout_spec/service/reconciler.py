"""The reconciler: judges the rollouts in flight of each workspace, in a process of its own.

A breach goes into the inbox, as that of a monitor does, and the worker answers it. A step forward is opened here.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from rollout_spec.core import bounded_process as confined
from rollout_spec.core import budget
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.service import programs
from rollout_spec.service.child_process import Child, ChildProcess, Events, ProcessOptions, is_asked_to_end, prepare
from rollout_spec.service.database import Database
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.records import NewBreach
from rollout_spec.service.registry_syncs import RegistrySyncs, syncs
from rollout_spec.service.secrets import learn_secrets, monitor_secrets
from rollout_spec.service.workspaces import Served, ServedWorkspace, base_of, reconciles, serve_again
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.base_branch import Base, forge_of
from rollout_spec.workflows.gated_step import SOURCE, GatedBase, breaches_of
from rollout_spec.workflows.merge_times import KeptMergeTimes
from rollout_spec.workflows.open_gated_steps import MergedSteps
from rollout_spec.workflows.pass_results import Reconciled
from rollout_spec.workflows.pass_turns import PassTurns
from rollout_spec.workflows.prometheus import KeptAnswers, connect_for_pass
from rollout_spec.workflows.reconcile import Pass
from rollout_spec.workflows.stage_history import StageHistory

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_REFRESH_SECONDS = 15.0
_SILENT_SECONDS = 600.0
"""A pass may wait for a Prometheus and a forge that are slow."""
_STOP_SECONDS = 5.0
"""All steps of a pass may be repeated, so a pass that waits for a slow Prometheus may be killed."""
_END_OF_CONDITION = re.compile("[:;,]")
"""The numbers of a reason come after it. They change with each pass."""


@dataclass(frozen=True)
class Memory:
    """The answers of Prometheus, the forge and git that later passes need not ask for again."""

    answers: KeptAnswers = field(default_factory=KeptAnswers)
    merges: KeptMergeTimes = field(default_factory=KeptMergeTimes)
    history: StageHistory = field(default_factory=StageHistory)
    merged: MergedSteps = field(default_factory=MergedSteps)
    turns: PassTurns = field(default_factory=PassTurns)


@dataclass
class Reconciler:
    """The passes of all workspaces. ``store`` takes a breach, ``tell`` an event for the metrics."""

    options: ProcessOptions
    served: Served
    store: Callable[[NewBreach], None]
    tell: Callable[[Mapping[str, Any] | None], None] = lambda _: None
    _due: dict[str, float] = field(default_factory=dict)
    _memories: dict[str, Memory] = field(default_factory=dict)
    _seen: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _reserved: frozenset[str] = frozenset()
    _registries: RegistrySyncs = field(default_factory=RegistrySyncs)
    _refreshed: float = 0.0

    def work(self) -> bool:
        """Run the passes that are due. Return False if none was."""
        self.tell(None)
        if time.monotonic() - self._refreshed > _REFRESH_SECONDS:
            with budget.command():
                self.served = serve_again(self.options.root, self.served)
            self._refreshed = time.monotonic()
        due = [each for each in self.served.workspaces.values() if self._is_due(each)]
        for workspace in due:
            self._run(workspace)
        if any(map(syncs, self.served.workspaces.values())):
            self._synchronize()
        return bool(due)

    def _synchronize(self) -> None:
        """Let the registries follow the bases. No rollback waits for it: another process opens those."""
        with budget.command(), confined.together():
            self._reserved |= monitor_secrets(self.served)
            self._registries.show_life = lambda: self.tell(None)
            self._registries.run_due(self.served.workspaces.values(), self._reserved)

    def _is_due(self, workspace: ServedWorkspace) -> bool:
        settings = workspace.settings.spec.service
        if settings is None or settings.reconcile is None:
            self._due.pop(workspace.name, None)
            return False
        return time.monotonic() >= self._due.get(workspace.name, 0.0)

    def _run(self, workspace: ServedWorkspace) -> None:
        settings, started = workspace.settings.spec.service, time.monotonic()
        assert settings is not None and settings.reconcile is not None
        try:
            with budget.command(), confined.together():
                learn_secrets(workspace)
                base, newest = base_of(workspace)
                self._pass(workspace.name, base, newest)
        except Exception as error:
            _log.warning("%s: the rollouts are not judged: %s", workspace.name, as_user_error(error).message)
            self.tell({"kind": "reconcile", "seconds": time.monotonic() - started, "actions": {"failed": 1}})
        # The interval is between two starts, and a slow pass does not follow another one at once.
        seconds = max(settings.reconcile.total_seconds(), 0.5)
        self._due[workspace.name] = max(started + seconds, time.monotonic() + min(seconds, _LOOK_SECONDS))

    def _pass(self, name: str, base: Base, workspace: Workspace) -> None:
        now, started = datetime.now(UTC).replace(microsecond=0), time.monotonic()
        is_dry_run = base.automation.mode == "dry-run"
        forge = None if is_dry_run else forge_of(base, workspace.spec.forge)
        memory = self._memories.setdefault(name, Memory())
        self._reserved |= monitor_secrets(self.served)
        source = connect_for_pass(workspace.spec.prometheus, now, memory.answers, self._reserved)
        actions: dict[str, int] = {}
        try:
            log = partial(_log.info, "%s: %s", name)
            gated = GatedBase(base, workspace, source, log, memory.merges, memory.history)
            store = partial(self._store, name, workspace)
            for done in Pass(gated, now, forge, store, merged=memory.merged, turns=memory.turns).run():
                self.tell(None)
                actions[done.action] = actions.get(done.action, 0) + 1
                self._log(name, done)
        finally:
            source.close()
        self.tell({"kind": "reconcile", "seconds": time.monotonic() - started, "actions": actions})

    def _store(self, name: str, workspace: Workspace, report: GateReport) -> None:
        settle = workspace.spec.automation.shared_cause.settle.total_seconds()
        for breach in breaches_of(report):
            self.store(NewBreach(name, SOURCE, replace(breach, workspace=name), delay=settle))

    def _log(self, name: str, done: Reconciled) -> None:
        """Log a result if its action, its link or its missing condition changed since the last pass."""
        condition = _END_OF_CONDITION.split(done.reason)[0]
        key, gist = (name, done.rollout), (done.action, f"{done.stage} {done.verdict} {condition} {done.url}")
        if self._seen.get(key) == gist:
            return
        self._seen[key] = gist
        level = logging.WARNING if done.action == "failed" else logging.INFO
        _log.log(level, "%s: %s %s: %s: %s", name, done.rollout, done.version, done.action, done.reason)


class ReconcilerProcess(ChildProcess):
    """The reconciler's process. Its results go to ``metrics``."""

    def __init__(self, options: ProcessOptions, state: State, metrics: Metrics) -> None:
        def on_event(event: Mapping[str, Any] | None) -> None:
            if event is not None:
                metrics.count(event)

        def is_wanted() -> bool:
            return any(reconciles(each) or syncs(each) for each in state.served.workspaces.values())

        child = Child("reconciler", run_reconciler, on_event, lambda: None, _SILENT_SECONDS, is_wanted, _STOP_SECONDS)
        super().__init__(child, options, state)


def run_reconciler(options: ProcessOptions, orders: Connection, events: Connection, mark: str, served: Served) -> None:
    """Judge rollouts until the other side asks for an end, or is gone.

    ``served`` are the workspaces at the start.
    """
    prepare(options, mark)
    inbox, sender = Inbox(Database(options.database)), Events(events)

    def store(breach: NewBreach) -> None:
        inbox.add([breach])

    reconciler = Reconciler(options, served, store, sender.send)
    while not is_asked_to_end(orders, _LOOK_SECONDS):
        try:
            reconciler.work()
        except Exception as error:
            _log.warning("the reconciler cannot work: %s", as_user_error(error).message)
    programs.kill_marked(mark)
