"""The verdict of all guards on a breach.

The facts are read from git and the clock is an argument, so that all replicas reach the same verdict. A guard never
hides a breach: it lets the rollback pass, asks for a reviewer, or reduces the rollback to a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rollout_spec.core.breach import Breach
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.guard_checks import (
    DRAFTS,
    DRAFTS_OF_STABLE,
    NOTICES,
    breach_age,
    breach_ended,
    rollback_reverted,
    split_settled,
)
from rollout_spec.rollback.guard_facts import DAY, DEFAULT_WINDOW, Facts, GuardCase, Order, PastRollback
from rollout_spec.rollback.outcomes import NoAction, NoRollbackTarget, Rollback
from rollout_spec.rollback.verdict import GuardVerdict, Reason
from rollout_spec.spec.workspace import Automation


def evaluate_guards(
    decision: Rollback | NoRollbackTarget | NoAction,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    order: Order | None = None,
) -> GuardVerdict:
    """Return the verdict on a breach, with the guards that decided. No guard holds a person's ``order``."""
    if isinstance(decision, NoAction):
        return GuardVerdict("ignore", (Reason(decision.guard, decision.reason),))
    return _verdict(decision, breach, facts, settings, now, order)


def deciding_rollbacks(
    decision: Rollback | NoRollbackTarget | NoAction,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    order: Order | None = None,
) -> list[PastRollback]:
    """Return the open rollbacks that decide the verdict.

    The forge must be asked whether a person closed them. The list is empty if the verdict is the same in either case.
    """
    if isinstance(decision, NoAction):
        return []
    opened = [past for past in facts.past_rollbacks if not past.merged_at]
    verdicts = [
        _verdict(decision, breach, facts.with_discounted(closed), settings, now, order) for closed in ((), opened)
    ]
    if verdicts[0] == verdicts[1]:
        return []
    return [past for past in opened if past.rollout == decision.rollout or _is_recent(past, now)]


def _is_recent(past: PastRollback, now: datetime) -> bool:
    time = past.happened_at(now)
    return time is not None and now - time < DAY


def _verdict(
    decision: Rollback | NoRollbackTarget,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    order: Order | None,
) -> GuardVerdict:
    if isinstance(decision, NoRollbackTarget):
        case = GuardCase(decision.rollout, decision.failed, breach, facts, settings, now)
        notices, no_target = _reasons(NOTICES, case), (Reason("way-back", "no known-good version can be restored"),)
        if order:
            return GuardVerdict("notify", no_target, held=notices)
        return GuardVerdict("notify", notices or no_target)
    auto_merge = settings.mode == "auto-merge" and decision.merge == "auto"
    window = DEFAULT_WINDOW if decision.window is None else decision.window
    case = GuardCase(
        decision.rollout, decision.failed, breach, facts, settings, now, auto_merge, decision.lookback, window
    )
    notices = _reasons(NOTICES, case)
    drafts = (*decision.review_reasons, *_reasons(DRAFTS, case))
    if decision.stage == PROMOTED:
        drafts = (*drafts, *_reasons(DRAFTS_OF_STABLE, case))
    if order is not None:
        return _verdict_on_order(order, (*notices, *drafts))
    if notices:
        return GuardVerdict("notify", notices)
    return GuardVerdict("draft", drafts) if drafts else GuardVerdict("act", auto_merge=auto_merge)


def _verdict_on_order(order: Order, reasons: Iterable[Reason]) -> GuardVerdict:
    """Return a draft if a person must first switch a component. Other guards are only named."""
    manual_steps = tuple(reason for reason in reasons if reason.guard == "component")
    held = tuple(reason for reason in reasons if reason.guard not in ("component", "trigger"))
    if manual_steps:
        return GuardVerdict("draft", manual_steps, held=held)
    return GuardVerdict("act", auto_merge=order.auto_merge, held=held)


def count_doubts(breach: Breach, facts: Facts, settings: Automation, now: datetime, lookback: timedelta) -> int:
    """Count the guards that object to the breach itself: its age, its end, its split, a reverted rollback."""
    case = GuardCase(breach.rollout, breach.version or "", breach, facts, settings, now, lookback=lookback)
    return len(_reasons((breach_age, breach_ended, split_settled, rollback_reverted), case))


def combine_verdicts(verdicts: Iterable[GuardVerdict]) -> GuardVerdict:
    """Return the verdict on several rollbacks in one commit: the strictest one, with the reasons of all."""
    all_verdicts = list(verdicts)
    strictest = min(all_verdicts, key=lambda verdict: _STRICTEST_FIRST.index(verdict.action))
    return replace(
        strictest,
        reasons=tuple(dict.fromkeys(reason for verdict in all_verdicts for reason in verdict.reasons)),
        auto_merge=all(verdict.auto_merge for verdict in all_verdicts),
        held=tuple(dict.fromkeys(reason for verdict in all_verdicts for reason in verdict.held)),
    )


_STRICTEST_FIRST = ("notify", "draft", "act", "ignore")


def _reasons(guards: tuple[Callable[[GuardCase], Iterator[Reason]], ...], case: GuardCase) -> tuple[Reason, ...]:
    return tuple(reason for guard in guards for reason in guard(case))
