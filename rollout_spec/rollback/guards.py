"""Guards never hide a breach: each lets its rollback pass, leaves it to a person, or keeps it to a notice.

What they remember is read from git, so that any replica decides the same; the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout_spec.core.breach import Breach
from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.decision import NoAction, NoRollbackTarget, Rollback
from rollout_spec.rollback.pause import Pause
from rollout_spec.rollback.verdict import GuardVerdict, Reason
from rollout_spec.spec.workspace import Automation

DAY = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(minutes=5)
_DEFAULT_WINDOW = timedelta(days=7)
"""How long a rollback of stable is remembered if the rollout has no ``rollback.window``."""


@dataclass(frozen=True)
class PastRollback:
    """A rollback that there was, by its incident. ``landed``: when it came onto the base, None while it is open.

    ``restored`` is None where there was no way back; ``acted``: its trigger is hard; ``hard``: it may have merged
    itself. ``branch`` is where an open one is. ``refused``: it counts for nothing, because a person closed its pull
    request or because it is none that this tool would build.
    """

    incident: str
    rollout: str
    failed: str
    restored: str | None
    stage: str | None
    observed: datetime
    landed: datetime | None = None
    hard: bool = False
    acted: bool = False
    branch: str | None = None
    refused: bool = False

    def at(self, now: datetime) -> datetime | None:
        """Return when it was, as git and the monitor say; None if both say that it is yet to come."""
        told = (each for each in (self.landed, self.observed) if each is not None)
        return next((each for each in told if each - now <= _CLOCKS_DIFFER), None)


@dataclass(frozen=True)
class Facts:
    """What the guards go by: the rollbacks of the last days, what else failed now, pauses, and when the split began.

    ``beside`` are the breaches at the same time that would be acted on by themselves. ``since`` is None where that is
    not known, as in a shallow clone; ``moved``: the version took requests before too. ``retaken``: when a person took
    the last rollback of this version back.
    """

    precedents: tuple[PastRollback, ...] = ()
    beside: tuple[Breach, ...] = ()
    pauses: tuple[Pause, ...] = ()
    since: datetime | None = None
    moved: bool = False
    retaken: datetime | None = None

    def with_refused(self, refused: Collection[PastRollback]) -> Facts:
        """Return the same facts; of the open rollbacks only those in ``refused`` are marked so."""
        marked = (each if each.landed else replace(each, refused=each in refused) for each in self.precedents)
        return replace(self, precedents=tuple(marked))


@dataclass(frozen=True)
class Order:
    """A person orders a rollback by name: no guard holds it. ``arm``: it merges itself once its checks pass."""

    arm: bool = False


@dataclass(frozen=True)
class _Case:
    rollout: str
    failed: str
    breach: Breach
    facts: Facts
    settings: Automation
    now: datetime
    may_arm: bool = False
    lookback: timedelta = timedelta(0)
    window: timedelta = _DEFAULT_WINDOW

    @property
    def others(self) -> list[tuple[datetime, PastRollback]]:
        """The rollbacks there were, with their times, but for an open one of this failure: it is adopted."""
        own, done = (self.rollout, self.failed), (each for each in self.facts.precedents if not each.refused)
        counted = [each for each in done if each.landed or (each.rollout, each.failed) != own]
        return [(moment, each) for each in counted if (moment := each.at(self.now)) is not None]

    @property
    def today(self) -> list[PastRollback]:
        return [each for moment, each in self.others if each.restored is not None and self.now - moment < DAY]


def guard(
    decision: Rollback | NoRollbackTarget | NoAction,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    order: Order | None = None,
) -> GuardVerdict:
    """Return how far a breach may go by itself, and the guards that decided. ``order`` is a person's: none decides."""
    if isinstance(decision, NoAction):
        return GuardVerdict("ignore", (Reason(decision.guard, decision.why),))
    return _judged(decision, breach, facts, settings, now, order)


def questions(
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
    opened = [each for each in facts.precedents if not each.landed]
    verdicts = [
        _judged(decision, breach, facts.with_refused(refused), settings, now, order) for refused in ((), opened)
    ]
    if verdicts[0] == verdicts[1]:
        return []
    return [each for each in opened if each.rollout == decision.rollout or _is_recent(each, now)]


def _is_recent(precedent: PastRollback, now: datetime) -> bool:
    moment = precedent.at(now)
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
        case = _Case(decision.rollout, decision.failed, breach, facts, settings, now)
        notices, stuck = _asked(_NOTICES, case), (Reason("way-back", "no known-good version can serve"),)
        return GuardVerdict("notify", stuck, held=notices) if order else GuardVerdict("notify", notices or stuck)
    may_arm = settings.mode == "auto-merge" and decision.merge == "auto"
    window = _DEFAULT_WINDOW if decision.window is None else decision.window
    case = _Case(decision.rollout, decision.failed, breach, facts, settings, now, may_arm, decision.lookback, window)
    notices = _asked(_NOTICES, case)
    drafts = (*decision.for_a_person, *_asked(_DRAFTS, case))
    if decision.moment == PROMOTED:
        drafts = (*drafts, *_asked(_DRAFTS_OF_STABLE, case))
    if order is not None:
        return _ordered(order, (*notices, *drafts))
    if notices:
        return GuardVerdict("notify", notices)
    return GuardVerdict("draft", drafts) if drafts else GuardVerdict("act", arm=may_arm)


def _ordered(order: Order, reasons: Iterable[Reason]) -> GuardVerdict:
    """A step that a person must take first keeps it a draft; what would have held automation is only named."""
    steps = tuple(each for each in reasons if each.guard == "component")
    held = tuple(each for each in reasons if each.guard not in ("component", "trigger"))
    return GuardVerdict("draft", steps, held=held) if steps else GuardVerdict("act", arm=order.arm, held=held)


def in_doubt(breach: Breach, facts: Facts, settings: Automation, now: datetime, lookback: timedelta) -> int:
    """Count what speaks against a breach by itself: its age, its end, the split that it may be about."""
    case = _Case(breach.rollout, breach.version or "", breach, facts, settings, now, lookback=lookback)
    return len(_asked((_age, _recovered, _settled, _retaken), case))


def together(verdicts: Iterable[GuardVerdict]) -> GuardVerdict:
    """Return the verdict on several rollbacks in one commit: the most careful of them, with the reasons of all."""
    found = list(verdicts)
    worst = min(found, key=lambda each: _BY_CARE.index(each.action))
    return replace(
        worst,
        reasons=tuple(dict.fromkeys(reason for each in found for reason in each.reasons)),
        arm=all(each.arm for each in found),
        held=tuple(dict.fromkeys(reason for each in found for reason in each.held)),
    )


_BY_CARE = ("notify", "draft", "act", "ignore")


def _asked(guards: tuple[Callable[[_Case], Iterator[Reason]], ...], case: _Case) -> tuple[Reason, ...]:
    return tuple(reason for each in guards for reason in each(case))


# A notice, and nothing is pushed.


def _mode(case: _Case) -> Iterator[Reason]:
    if case.settings.mode == "dry-run":
        yield Reason("mode", "the workspace's `automation.mode` is dry-run")


def _pause(case: _Case) -> Iterator[Reason]:
    for pause in case.facts.pauses:
        if pause.ends is None:
            yield Reason("pause", f"{pause.path} pauses the automation: {pause.reason}")
        elif case.now < pause.ends:
            words = f"{pause.path} pauses the automation until {format_time(pause.ends)}: {pause.reason}"
            yield Reason("pause", words)


_NOTICES = (_mode, _pause)


# A draft for a person.


def near(breach: Breach, facts: Facts, settings: Automation) -> dict[str, tuple[str, str | None]]:
    """Return the rollouts that failed at the time of a breach, each with its version and incident, if it has one.

    Only what is acted on counts.
    """
    told: list[tuple[str, datetime, str, str | None]] = [
        (each.rollout, each.observed, each.failed, each.incident)
        for each in facts.precedents
        if each.acted and not each.refused
    ]
    told += [(each.rollout, each.observed_at, each.version or "", None) for each in facts.beside]
    found: dict[str, tuple[str, str | None]] = {breach.rollout: (breach.version or "", None)}
    for rollout, moment, version, incident in told:
        if abs(breach.observed_at - moment) <= settings.shared_cause.within:
            found.setdefault(rollout, (version, incident))
    return dict(sorted(found.items()))


def _shared_cause(case: _Case) -> Iterator[Reason]:
    """So many rollouts at once is not the model: data, a cluster or a network is."""
    limit = case.settings.shared_cause
    found = near(replace(case.breach, version=case.failed), case.facts, case.settings)
    if len(found) >= limit.rollouts:
        names = ", ".join(found)
        words = f"{len(found)} rollouts failed within {format_duration(limit.within)} ({names}): that is not the model"
        yield Reason("shared-cause", words)


def _age(case: _Case) -> Iterator[Reason]:
    age, limit = case.now - case.breach.observed_at, case.settings.max_breach_age
    if age > limit:
        yield Reason("age", f"the breach is {_ago(age)} old, and after {format_duration(limit)} a person decides")
    elif age < -_CLOCKS_DIFFER:
        yield Reason("age", f"the breach is dated {_ago(-age)} ahead of the clock here")


def _recovered(case: _Case) -> Iterator[Reason]:
    ended = case.breach.ended_at
    if ended is not None and ended <= case.now:
        yield Reason("recovered", f"the breach is over since {format_time(ended)}")


def _settled(case: _Case) -> Iterator[Reason]:
    """A breach that was seen before the split became what it is may be about the split before it, for a while."""
    since = case.facts.since
    if since is None:
        if case.may_arm:
            yield Reason("settled", f"when {case.failed} came to where it is is not known here")
    elif case.facts.moved and case.breach.observed_at < since and case.now - since < case.lookback:
        words = f"the breach was seen before {case.failed} came to where it is, at {format_time(since)}"
        yield Reason("settled", words)


def _retaken(case: _Case) -> Iterator[Reason]:
    retaken = case.facts.retaken
    if retaken is not None and case.breach.observed_at <= retaken:
        words = f"a rollback of {case.failed} was taken back at {format_time(retaken)}, after this breach was seen"
        yield Reason("retaken", words)


def _cooldown(case: _Case) -> Iterator[Reason]:
    own = [each for each in case.others if each[1].rollout == case.rollout and each[1].restored is not None]
    moment, last = max(own, key=lambda each: each[0], default=(None, None))
    if last is None or moment is None or case.now - moment >= case.settings.cooldown:
        return
    ago = f"{_ago(case.now - moment)} ago"
    done = "was rolled back" if last.landed else "has a rollback that is not merged,"
    yield Reason(
        "cooldown",
        f"{case.rollout} {done} from {last.failed} {ago}; its cool-down is {format_duration(case.settings.cooldown)}",
    )


def _rollbacks_per_day(case: _Case) -> Iterator[Reason]:
    count, limit = len(case.today), case.settings.max_rollbacks_per_day
    if count >= limit:
        yield Reason("rollbacks-per-day", f"there were {count} rollbacks within a day, and {limit} go without a person")


def _auto_merges_per_day(case: _Case) -> Iterator[Reason]:
    count, limit = sum(each.hard for each in case.today), case.settings.max_auto_merges_per_day
    if case.may_arm and count >= limit:
        words = f"{count} rollbacks within a day may have merged themselves, and {limit} do"
        yield Reason("auto-merges-per-day", words)


def _of_a_rollback(case: _Case) -> Iterator[Reason]:
    """Ask for a reviewer if the failed version was itself restored by a rollback, not long ago."""
    for moment, each in case.others:
        restored = each.landed and each.rollout == case.rollout and each.restored == case.failed
        if restored and each.stage == PROMOTED and case.now - moment < case.window:
            yield Reason("rollback-of-rollback", f"{case.failed} was restored by a rollback itself ({each.incident})")
            return


_DRAFTS = (_age, _recovered, _settled, _retaken, _shared_cause, _of_a_rollback)
_DRAFTS_OF_STABLE = (_cooldown, _rollbacks_per_day, _auto_merges_per_day)
"""A candidate that is taken out leaves its share to stable, which serves already: these hold it up for nothing."""


def _ago(age: timedelta) -> str:
    """Say how long ago something was, in whole minutes, or seconds below one."""
    unit = timedelta(minutes=1) if abs(age) >= timedelta(minutes=1) else timedelta(seconds=1)
    return format_duration(max(age, timedelta(0)) // unit * unit)
