"""Guards never hide a breach: each lets its rollback pass, leaves it to a person, or keeps it to a notice.

What they remember is read from git, so that any replica decides the same; the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout_spec.breach import Breach
from rollout_spec.rollback.decision import Nothing, NoWayBack, Rollback
from rollout_spec.rollback.pause import Pause
from rollout_spec.rollback.verdict import Reason, Verdict
from rollout_spec.spec.workspace import Automation
from rollout_spec.traffic import PROMOTED
from rollout_spec.units import format_duration, format_time

DAY = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Precedent:
    """A rollback that there was, by its incident. ``landed``: when it came onto the base, None while it is open.

    ``restored`` is None where there was no way back; ``hard``: it may have merged itself. ``branch`` is where an open
    one is. ``refused``: a person closed its pull request, so that nothing was rolled back; that a version failed holds.
    """

    incident: str
    rollout: str
    failed: str
    restored: str | None
    stage: str | None
    observed: datetime
    landed: datetime | None = None
    hard: bool = False
    branch: str | None = None
    refused: bool = False

    @property
    def at(self) -> datetime:
        """When it was, as far as that is known."""
        return max(self.observed, self.landed) if self.landed else self.observed


@dataclass(frozen=True)
class Facts:
    """What the guards go by: the rollbacks of the last days, what else failed now, pauses, and when the split began.

    ``since`` is None where that is not known, as in a shallow clone; ``moved``: the version took requests before too.
    """

    precedents: tuple[Precedent, ...] = ()
    beside: tuple[Breach, ...] = ()
    pauses: tuple[Pause, ...] = ()
    since: datetime | None = None
    moved: bool = False


@dataclass(frozen=True)
class _Case:
    rollout: str
    failed: str
    breach: Breach
    facts: Facts
    settings: Automation
    now: datetime
    may_arm: bool = False

    @property
    def others(self) -> list[Precedent]:
        """The rollbacks there were, but for the one that is about this failure and still open: it is adopted."""
        own, done = (self.rollout, self.failed), (each for each in self.facts.precedents if not each.refused)
        return [each for each in done if each.landed or (each.rollout, each.failed) != own]

    @property
    def today(self) -> list[Precedent]:
        return [each for each in self.others if each.restored is not None and self.now - each.at < DAY]


def guard(
    decision: Rollback | NoWayBack | Nothing,
    breach: Breach,
    facts: Facts,
    settings: Automation,
    now: datetime,
    was_refused: Callable[[Precedent], bool] = lambda precedent: False,
) -> Verdict:
    """Say how far a breach may go by itself, and which guards decided.

    ``was_refused`` tells of an open rollback whether a person closed its pull request. It is asked only where that
    could change the verdict, and only of those that are counted.
    """

    def judged(refused: Callable[[Precedent], bool]) -> Verdict:
        marked = (each if each.landed else replace(each, refused=refused(each)) for each in facts.precedents)
        return _judged(decision, breach, replace(facts, precedents=tuple(marked)), settings, now)

    verdict = judged(lambda precedent: False)
    if isinstance(decision, Nothing) or verdict == judged(lambda precedent: True):
        return verdict
    own = decision.rollout
    return judged(lambda each: (each.rollout == own or now - each.at < DAY) and was_refused(each))


def _judged(
    decision: Rollback | NoWayBack | Nothing, breach: Breach, facts: Facts, settings: Automation, now: datetime
) -> Verdict:
    if isinstance(decision, Nothing):
        return Verdict("ignore", (Reason(decision.guard, decision.why),))
    if isinstance(decision, NoWayBack):
        case = _Case(decision.rollout, decision.failed, breach, facts, settings, now)
        return Verdict("notify", _asked(_NOTICES, case) or (Reason("way-back", "no known-good version can serve"),))
    may_arm = settings.mode == "auto-merge" and decision.merge == "auto"
    case = _Case(decision.rollout, decision.failed, breach, facts, settings, now, may_arm)
    if notices := _asked(_NOTICES, case):
        return Verdict("notify", notices)
    drafts = (*decision.for_a_person, *_asked(_DRAFTS, case))
    return Verdict("draft", drafts) if drafts else Verdict("act", arm=may_arm)


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


def _shared_cause(case: _Case) -> Iterator[Reason]:
    """So many rollouts at once is not the model: data, a cluster or a network is, and reverts would not help."""
    limit, moment = case.settings.shared_cause, case.breach.observed_at
    told = [(each.rollout, each.observed) for each in case.facts.precedents]
    told += [(each.rollout, each.observed_at) for each in case.facts.beside]
    near = {rollout for rollout, when in told if abs(moment - when) <= limit.within} | {case.rollout}
    if len(near) >= limit.rollouts:
        names = ", ".join(sorted(near))
        words = f"{len(near)} rollouts failed within {format_duration(limit.within)} ({names}): that is not the model"
        yield Reason("shared-cause", words)


_NOTICES = (_mode, _pause, _shared_cause)


# A draft for a person.


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
    """A breach that was seen before the split became what it is may be about the split before it."""
    since = case.facts.since
    if since is not None and case.facts.moved and case.breach.observed_at < since:
        words = f"the breach was seen before {case.failed} came to where it is, at {format_time(since)}"
        yield Reason("settled", words)
    elif since is None and case.may_arm:
        yield Reason("settled", f"when {case.failed} came to where it is is not known here")


def _cooldown(case: _Case) -> Iterator[Reason]:
    own = [each for each in case.others if each.rollout == case.rollout and each.restored is not None]
    last = max(own, key=lambda each: each.at, default=None)
    if last is None or case.now - last.at >= case.settings.cooldown:
        return
    ago = f"{_ago(case.now - last.at)} ago"
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
    """Stable that a rollback made stable: once more is no recovery, and something else is wrong."""
    for each in case.others:
        if each.landed and each.rollout == case.rollout and each.restored == case.failed and each.stage == PROMOTED:
            yield Reason("rollback-of-rollback", f"{case.failed} was restored by a rollback itself ({each.incident})")
            return


_DRAFTS = (_age, _recovered, _settled, _cooldown, _rollbacks_per_day, _auto_merges_per_day, _of_a_rollback)


def _ago(age: timedelta) -> str:
    """Say how long ago something was, in whole minutes, or seconds below one."""
    unit = timedelta(minutes=1) if abs(age) >= timedelta(minutes=1) else timedelta(seconds=1)
    return format_duration(max(age, timedelta(0)) // unit * unit)
