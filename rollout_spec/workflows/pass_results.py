"""The results of one pass: the action for each rollout, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rollout_spec.core.errors import ClosedByPersonError
from rollout_spec.core.units import format_time
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.lifecycle.gated import earliest
from rollout_spec.reports.reconcile_table import ReconcileRow
from rollout_spec.workflows.gated_step import GatedStep
from rollout_spec.workflows.respond import BreachResponse, FailedResponse

Action = Literal["advanced", "promoted", "proposed", "rolled-back", "reported", "waiting", "failed"]
"""``advanced`` and ``promoted``: the step is merged. ``proposed``: its pull request is open. ``rolled-back``: the
pull request of a rollback is. ``reported``: the breach was stored for the worker, or nothing may be pushed."""


@dataclass(frozen=True)
class Reconciled:
    """The result of a pass for one rollout.

    ``stage`` is empty if the candidate is in none. ``verdict`` is None if nothing was judged. ``missing`` are the
    conditions of a step that waits, of which ``reason`` has the first.
    """

    rollout: str
    version: str
    stage: str
    action: Action
    reason: str
    verdict: str | None = None
    report: GateReport | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()
    status: int = 0
    missing: tuple[str, ...] = ()

    @property
    def row(self) -> ReconcileRow:
        """The row of the table."""
        names = (self.rollout, self.version, self.stage)
        return ReconcileRow(*names, self.verdict or "", self.action, self.reason, self.url or "", self.missing)


@dataclass(frozen=True)
class PassResult:
    """The results of a pass, and the number of its queries."""

    results: tuple[Reconciled, ...]
    queries: int

    @property
    def status(self) -> int:
        """The worst exit status."""
        return max((each.status for each in self.results), default=0)


def waiting_for(step: GatedStep) -> str:
    """Return the first missing condition of a step, and the time at which it could be taken."""
    first, others = step.missing[0], len(step.missing) - 1
    more = f", and {others} more condition{'s' if others > 1 else ''}" if others else ""
    at = earliest(step.missing)
    return f"{first.message}{more}" + (f"; at {format_time(at)} at the earliest" if at is not None else "")


def after_rollback(done: Reconciled, responses: list[BreachResponse | FailedResponse]) -> Reconciled:
    """Return the result of a rollback. Its status is 1 if the breach is real and nothing was proposed."""
    for response in responses:
        if isinstance(response, FailedResponse):
            if isinstance(response.error, ClosedByPersonError):
                return replace(done, action="waiting", reason=response.error.message)
            return replace(done, action="failed", reason=response.error.message, status=response.error.status)
        if response.delivered is not None:
            pull = response.delivered.pull_request
            return replace(done, action="rolled-back", url=pull.url, notes=response.notes, status=response.status)
        return replace(done, action="reported", reason=response.verdict.text, status=response.status)
    return replace(done, action="failed", reason="the breach got no response", status=1)
