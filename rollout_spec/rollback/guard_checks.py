"""The guards: each yields a reason to hold a rollback, or nothing.

``NOTICES`` reduce a rollback to a report, ``DRAFTS`` ask for a reviewer.
"""

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
            message = f"{pause.path} pauses the automation until {format_time(pause.ends)}: {pause.reason}"
            yield Reason("pause", message)


NOTICES = (_mode, _pause)


def concurrent_failures(breach: Breach, facts: Facts, settings: Automation) -> dict[str, tuple[str, str | None]]:
    """Return the rollouts that failed at the time of a breach.

    Each has its version and its incident, if any. Only failures with a hard trigger count.
    """
    failures: list[tuple[str, datetime, str, str | None]] = [
        (past.rollout, past.observed_at, past.failed, past.incident)
        for past in facts.past_rollbacks
        if past.has_hard_trigger and not past.is_discounted
    ]
    failures += [(other.rollout, other.observed_at, other.version or "", None) for other in facts.concurrent_breaches]
    concurrent: dict[str, tuple[str, str | None]] = {breach.rollout: (breach.version or "", None)}
    for rollout, observed_at, version, incident in failures:
        if abs(breach.observed_at - observed_at) <= settings.shared_cause.within:
            concurrent.setdefault(rollout, (version, incident))
    return dict(sorted(concurrent.items()))


def _shared_cause(case: GuardCase) -> Iterator[Reason]:
    """Object if many rollouts failed at once: the cause is then the data, the cluster or the network."""
    limit = case.settings.shared_cause
    rollouts = concurrent_failures(replace(case.breach, version=case.failed), case.facts, case.settings)
    if len(rollouts) >= limit.rollouts:
        names, within = ", ".join(rollouts), format_duration(limit.within)
        message = f"{len(rollouts)} rollouts failed within {within} ({names}): the cause is probably not this model"
        yield Reason("shared-cause", message)


def breach_age(case: GuardCase) -> Iterator[Reason]:
    """Object if the breach is too old, or dated in the future."""
    age, limit = case.now - case.breach.observed_at, case.settings.max_breach_age
    if age > limit:
        message = f"the breach is {_rounded(age)} old, more than the {format_duration(limit)} of `maxBreachAge`"
        yield Reason("age", message)
    elif age < -CLOCK_SKEW:
        yield Reason("age", f"the breach is dated {_rounded(-age)} in the future")


def breach_ended(case: GuardCase) -> Iterator[Reason]:
    """Object if the monitor says that the breach has ended."""
    ended = case.breach.ended_at
    if ended is not None and ended <= case.now:
        yield Reason("recovered", f"the breach ended at {format_time(ended)}")


def split_settled(case: GuardCase) -> Iterator[Reason]:
    """Object if the breach may be about the previous traffic split.

    Object too if the start of the present one is unknown.
    """
    since = case.facts.split_since
    if since is None:
        if case.may_auto_merge:
            yield Reason("settled", f"cannot tell when {case.failed} entered its current stage")
    elif case.facts.served_before and case.breach.observed_at < since and case.now - since < case.lookback:
        message = f"{case.failed} entered its current stage at {format_time(since)}, after this breach was observed"
        yield Reason("settled", message)


def rollback_reverted(case: GuardCase) -> Iterator[Reason]:
    """Object if a person reverted a rollback of this version after the breach was observed."""
    reverted = case.facts.reverted_at
    if reverted is not None and case.breach.observed_at <= reverted:
        message = f"a rollback of {case.failed} was reverted at {format_time(reverted)}, after this breach was observed"
        yield Reason("retaken", message)


def _cooldown(case: GuardCase) -> Iterator[Reason]:
    own = [
        (time, past) for time, past in case.past_rollbacks if past.rollout == case.rollout and past.restored is not None
    ]
    time, last = max(own, key=lambda entry: entry[0], default=(None, None))
    if last is None or time is None or case.now - time >= case.settings.cooldown:
        return
    ago, cooldown = f"{_rounded(case.now - time)} ago", format_duration(case.settings.cooldown)
    if last.merged_at:
        message = f"{case.rollout} was rolled back from {last.failed} {ago}, within its cool-down of {cooldown}"
    else:
        message = (
            f"{case.rollout} has an unmerged rollback from {last.failed} {ago}, within its cool-down of {cooldown}"
        )
    yield Reason("cooldown", message)


def _rollbacks_per_day(case: GuardCase) -> Iterator[Reason]:
    count, limit = len(case.today), case.settings.max_rollbacks_per_day
    if count >= limit:
        yield Reason("rollbacks-per-day", f"there were {count} rollbacks within a day, and the limit is {limit}")


def _auto_merges_per_day(case: GuardCase) -> Iterator[Reason]:
    count, limit = sum(past.may_auto_merge for past in case.today), case.settings.max_auto_merges_per_day
    if case.may_auto_merge and count >= limit:
        message = f"{count} rollbacks within a day may have merged automatically, and the limit is {limit}"
        yield Reason("auto-merges-per-day", message)


def _of_a_rollback(case: GuardCase) -> Iterator[Reason]:
    """Object if the failed version was itself restored by a recent rollback."""
    for time, past in case.past_rollbacks:
        restored = past.merged_at and past.rollout == case.rollout and past.restored == case.failed
        if restored and past.stage == PROMOTED and case.now - time < case.window:
            message = f"{case.failed} was itself restored by a rollback (incident {past.incident})"
            yield Reason("rollback-of-rollback", message)
            return


DRAFTS = (breach_age, breach_ended, split_settled, rollback_reverted, _shared_cause, _of_a_rollback)
DRAFTS_OF_STABLE = (_cooldown, _rollbacks_per_day, _auto_merges_per_day)
"""Guards of rollbacks of stable only. Withdrawing a candidate is safe: stable serves already and takes its share."""


def _rounded(age: timedelta) -> str:
    """Return an age in whole minutes, or in seconds below one minute."""
    unit = timedelta(minutes=1) if abs(age) >= timedelta(minutes=1) else timedelta(seconds=1)
    return format_duration(max(age, timedelta(0)) // unit * unit)
