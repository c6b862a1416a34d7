"""The report of a gate: the verdict on the live stage of a rollout, with the judged time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout_spec.core.errors import UserError
from rollout_spec.domain.judgement.stage import StageVerdict
from rollout_spec.domain.judgement.verdicts import Verdict
from rollout_spec.spec.rollout import Stage


@dataclass(frozen=True)
class GateReport:
    """The verdict on the live stage of a rollout, with the judged time.

    ``since`` is the start of the stage, ``judged_since`` the end of its warm-up. ``entered`` is the commit that moved
    the candidate to the stage; None if ``--since`` was given. ``failure`` is set if Prometheus did not answer.
    """

    workspace: str
    rollout: str
    stable: str
    candidate: str
    stage: Stage
    split: str
    since: datetime
    judged_since: datetime
    until: datetime
    entered: str | None
    result: StageVerdict
    failure: UserError | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the stage."""
        return self.result.verdict

    @property
    def breached_at(self) -> datetime | None:
        """The time of the first breach, whole seconds; None if there is none."""
        times = [each.judgement.breached_after for each in self.result.breaches]
        known = [seconds for seconds in times if seconds is not None]
        if not self.result.breaches:
            return None
        moment = self.judged_since + timedelta(seconds=min(known)) if known else self.since
        return moment.replace(microsecond=0)
