"""The single guards: each yields a reason to hold a rollback, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rollout_spec.core.breach import Breach
from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.guard_facts import CLOCK_SKEW, Facts, GuardCase
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.workspace import Automation


def _mode(case: GuardCase) -> Iterator[Reason]:
    if case.settings.mode == "dry-run":
        yield Reason("mode", "the workspace's `automation.mode` is dry-run")


def _pause(case: GuardCase) -> Iterator[Reason]:
    for pause in case.facts.pauses:
        if pause.ends is None:
            yield Reason("pause", f"{pause.path} pauses the automation: {pause.reason}")
        elif case.now < pause.ends:
            words = f"{pause.path} pauses the automation until {format_time(pause.ends)}: {pause.reason}"
            yield Reason("pause", words)


NOTICES = (_mode, _pause)


def concurrent_failures(breach: Breach, facts: Facts, settings: Automation) -> dict[str, tuple[str, str | None]]:
    """Return the rollouts that failed at the time of a breach, each with its version and incident, if it has one.

    Only what is acted on counts.
    """
    told: list[tuple[str, datetime, str, str | None]] = [
        (each.rollout, each.observed_at, each.failed, each.incident)
        for each in facts.past_rollbacks
        if each.has_hard_trigger and not each.is_discounted
    ]
    told += [(each.rollout, each.observed_at, each.version or "", None) for each in facts.concurrent_breaches]
    found: dict[str, tuple[str, str | None]] = {breach.rollout: (breach.version or "", None)}
    for rollout, moment, version, incident in told:
        if abs(breach.observed_at - moment) <= settings.shared_cause.within:
            found.setdefault(rollout, (version, incident))
    return dict(sorted(found.items()))


def _shared_cause(case: GuardCase) -> Iterator[Reason]:
    """So many rollouts at once is not the model: data, a cluster or a network is."""
    limit = case.settings.shared_cause
    found = concurrent_failures(replace(case.breach, version=case.failed), case.facts, case.settings)
    if len(found) >= limit.rollouts:
        names = ", ".join(found)
        words = f"{len(found)} rollouts failed within {format_duration(limit.within)} ({names}): that is not the model"
        yield Reason("shared-cause", words)


def breach_age(case: GuardCase) -> Iterator[Reason]:
    age, limit = case.now - case.breach.observed_at, case.settings.max_breach_age
    if age > limit:
        yield Reason("age", f"the breach is {_ago(age)} old, and after {format_duration(limit)} a person decides")
    elif age < -CLOCK_SKEW:
        yield Reason("age", f"the breach is dated {_ago(-age)} ahead of the clock here")


def breach_ended(case: GuardCase) -> Iterator[Reason]:
    ended = case.breach.ended_at
    if ended is not None and ended <= case.now:
        yield Reason("recovered", f"the breach is over since {format_time(ended)}")


def split_settled(case: GuardCase) -> Iterator[Reason]:
    """A breach that was seen before the split became what it is may be about the split before it, for a while."""
    since = case.facts.split_since
    if since is None:
        if case.may_auto_merge:
            yield Reason("settled", f"when {case.failed} came to where it is is not known here")
    elif case.facts.served_before and case.breach.observed_at < since and case.now - since < case.lookback:
        words = f"the breach was seen before {case.failed} came to where it is, at {format_time(since)}"
        yield Reason("settled", words)


def rollback_reverted(case: GuardCase) -> Iterator[Reason]:
    retaken = case.facts.reverted_at
    if retaken is not None and case.breach.observed_at <= retaken:
        words = f"a rollback of {case.failed} was taken back at {format_time(retaken)}, after this breach was seen"
        yield Reason("retaken", words)


def _cooldown(case: GuardCase) -> Iterator[Reason]:
    own = [each for each in case.past_rollbacks if each[1].rollout == case.rollout and each[1].restored is not None]
    moment, last = max(own, key=lambda each: each[0], default=(None, None))
    if last is None or moment is None or case.now - moment >= case.settings.cooldown:
        return
    ago = f"{_ago(case.now - moment)} ago"
    done = "was rolled back" if last.merged_at else "has a rollback that is not merged,"
    yield Reason(
        "cooldown",
        f"{case.rollout} {done} from {last.failed} {ago}; its cool-down is {format_duration(case.settings.cooldown)}",
    )


def _rollbacks_per_day(case: GuardCase) -> Iterator[Reason]:
    count, limit = len(case.today), case.settings.max_rollbacks_per_day
    if count >= limit:
        yield Reason("rollbacks-per-day", f"there were {count} rollbacks within a day, and {limit} go without a person")


def _auto_merges_per_day(case: GuardCase) -> Iterator[Reason]:
    count, limit = sum(each.may_auto_merge for each in case.today), case.settings.max_auto_merges_per_day
    if case.may_auto_merge and count >= limit:
        words = f"{count} rollbacks within a day may have merged themselves, and {limit} do"
        yield Reason("auto-merges-per-day", words)


def _of_a_rollback(case: GuardCase) -> Iterator[Reason]:
    """Ask for a reviewer if the failed version was itself restored by a rollback, not long ago."""
    for moment, each in case.past_rollbacks:
        restored = each.merged_at and each.rollout == case.rollout and each.restored == case.failed
        if restored and each.stage == PROMOTED and case.now - moment < case.window:
            yield Reason("rollback-of-rollback", f"{case.failed} was restored by a rollback itself ({each.incident})")
            return


DRAFTS = (breach_age, breach_ended, split_settled, rollback_reverted, _shared_cause, _of_a_rollback)


DRAFTS_OF_STABLE = (_cooldown, _rollbacks_per_day, _auto_merges_per_day)
"""A candidate that is taken out leaves its share to stable, which serves already: these hold it up for nothing."""


def _ago(age: timedelta) -> str:
    """Say how long ago something was, in whole minutes, or seconds below one."""
    unit = timedelta(minutes=1) if abs(age) >= timedelta(minutes=1) else timedelta(seconds=1)
    return format_duration(max(age, timedelta(0)) // unit * unit)
