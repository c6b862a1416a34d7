"""Guards never hide a breach: each lets its rollback pass, leaves it to a person, or keeps it to a notice.

What they remember is read from git, so that any replica decides the same; the clock is an argument.
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
    """Return how far a breach may go by itself, and the guards that decided. ``order`` is a person's: none decides."""
    if isinstance(decision, NoAction):
        return GuardVerdict("ignore", (Reason(decision.guard, decision.reason),))
    return _judged(decision, breach, facts, settings, now, order)


def deciding_rollbacks(
    decision: Rollback | NoRollbackTarget | NoAction,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    order: Order | None = None,
) -> list[PastRollback]:
    """Return the open rollbacks whose refusal decides the verdict: the forge knows whether a person closed them.

    There are none if the verdict is the same in either case.
    """
    if isinstance(decision, NoAction):
        return []
    opened = [each for each in facts.past_rollbacks if not each.merged_at]
    verdicts = [
        _judged(decision, breach, facts.with_discounted(refused), settings, now, order) for refused in ((), opened)
    ]
    if verdicts[0] == verdicts[1]:
        return []
    return [each for each in opened if each.rollout == decision.rollout or _is_recent(each, now)]


def _is_recent(precedent: PastRollback, now: datetime) -> bool:
    moment = precedent.happened_at(now)
    return moment is not None and now - moment < DAY


def _judged(
    decision: Rollback | NoRollbackTarget,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    order: Order | None,
) -> GuardVerdict:
    if isinstance(decision, NoRollbackTarget):
        case = GuardCase(decision.rollout, decision.failed, breach, facts, settings, now)
        notices, stuck = _asked(NOTICES, case), (Reason("way-back", "no known-good version can serve"),)
        return GuardVerdict("notify", stuck, held=notices) if order else GuardVerdict("notify", notices or stuck)
    may_arm = settings.mode == "auto-merge" and decision.merge == "auto"
    window = DEFAULT_WINDOW if decision.window is None else decision.window
    case = GuardCase(
        decision.rollout, decision.failed, breach, facts, settings, now, may_arm, decision.lookback, window
    )
    notices = _asked(NOTICES, case)
    drafts = (*decision.review_reasons, *_asked(DRAFTS, case))
    if decision.stage == PROMOTED:
        drafts = (*drafts, *_asked(DRAFTS_OF_STABLE, case))
    if order is not None:
        return _ordered(order, (*notices, *drafts))
    if notices:
        return GuardVerdict("notify", notices)
    return GuardVerdict("draft", drafts) if drafts else GuardVerdict("act", auto_merge=may_arm)


def _ordered(order: Order, reasons: Iterable[Reason]) -> GuardVerdict:
    """A step that a person must take first keeps it a draft; what would have held automation is only named."""
    steps = tuple(each for each in reasons if each.guard == "component")
    held = tuple(each for each in reasons if each.guard not in ("component", "trigger"))
    return (
        GuardVerdict("draft", steps, held=held)
        if steps
        else GuardVerdict("act", auto_merge=order.auto_merge, held=held)
    )


def count_doubts(breach: Breach, facts: Facts, settings: Automation, now: datetime, lookback: timedelta) -> int:
    """Count what speaks against a breach by itself: its age, its end, the split that it may be about."""
    case = GuardCase(breach.rollout, breach.version or "", breach, facts, settings, now, lookback=lookback)
    return len(_asked((breach_age, breach_ended, split_settled, rollback_reverted), case))


def combine_verdicts(verdicts: Iterable[GuardVerdict]) -> GuardVerdict:
    """Return the verdict on several rollbacks in one commit: the most careful of them, with the reasons of all."""
    found = list(verdicts)
    worst = min(found, key=lambda each: _BY_CARE.index(each.action))
    return replace(
        worst,
        reasons=tuple(dict.fromkeys(reason for each in found for reason in each.reasons)),
        auto_merge=all(each.auto_merge for each in found),
        held=tuple(dict.fromkeys(reason for each in found for reason in each.held)),
    )


_BY_CARE = ("notify", "draft", "act", "ignore")


def _asked(guards: tuple[Callable[[GuardCase], Iterator[Reason]], ...], case: GuardCase) -> tuple[Reason, ...]:
    return tuple(reason for each in guards for reason in each(case))
