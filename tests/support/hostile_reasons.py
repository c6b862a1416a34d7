"""The reasons for which a hard breach may wait for a person, each with a fact without which it cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from expected_rollbacks import Data, data_of
from hostile_alerts import Call
from hostile_expected import Wanted, incidents_of, moment
from hostile_git import Content
from hostile_world import World
from yaml import YAMLError


@dataclass(frozen=True)
class Facts:
    """A failure, and what the repository knows of others."""

    world: World
    call: Call
    rollout: str
    failed: str
    want: Wanted

    @property
    def now(self) -> datetime:
        return self.world.clock[0] + timedelta(minutes=2)

    def merged(self) -> Iterator[Data]:
        """Give the incidents on the base that load."""
        place, files = self.call.place, self.world.tip.files
        for path, text in incidents_of(place, files).items():
            if not self.world.is_broken(place.path(path)):
                yield data_of({path: text}, path)["spec"]

    def open(self) -> Iterator[Data]:
        """Give the incidents on branches of the tool."""
        tips = self.world.bare.tips().values()
        for head in (self.world.made[tip] for tip in tips if tip in self.world.made):
            found = incidents_of(self.call.place, head.edits)
            yield from (data_of(found, path)["spec"] for path in found)

    def has_odd_dates(self) -> bool:
        return any(tip.odd for tip in self.world.line)

    def since(self) -> datetime:
        """Return when the failed version came to where it is: a stage, or stable."""
        path = self.call.place.path(f"rollouts/{self.rollout}.yaml")
        found = self.world.line[0].date
        place: tuple[object, ...] | None = ()
        for tip in self.world.line:
            if (now := _place(tip.files.get(path), self.failed)) != place:
                place, found = now, tip.date
        return found

    def window(self) -> timedelta | None:
        """Return how long triggers are hard after a promotion."""
        spec = data_of(self.call.place.files, f"rollouts/{self.rollout}.yaml")["spec"]
        told = spec["rollback"].get("window")
        return _span(told) if told else None

    def lookback(self) -> timedelta:
        """Return how far back any trigger of the rollout looks, with some minutes for scrapes."""
        spec = data_of(self.call.place.files, f"rollouts/{self.rollout}.yaml")["spec"]
        spans = (_span(each.get("window", "0m")) + _span(each.get("for", "0m")) for each in spec["triggers"])
        return max(spans) + timedelta(minutes=10)


def _span(text: str) -> timedelta:
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[text[-1]]: int(text[:-1])})


@lru_cache(maxsize=4096)
def _place(content: Content | None, version: str) -> tuple[object, ...] | None:
    try:
        live = data_of({"": content}, "")["spec"]["live"] if isinstance(content, bytes) else {}
    except (YAMLError, KeyError, TypeError):
        return None
    if live.get("stable") == version:
        return ("stable",)
    return ("candidate", live.get("stage")) if live.get("candidate") == version else None


def _is_near(incident: Data, now: datetime, span: timedelta) -> bool:
    return abs(now - moment(incident["observedAt"])) <= span


def _cooldown(facts: Facts) -> bool:
    known = [each for each in (*facts.merged(), *facts.open()) if each["rollout"] == facts.rollout]
    hour = timedelta(hours=1, minutes=5)
    landed = any(facts.now - after.date <= hour for _, after, _ in facts.world.merges)
    return landed or facts.has_odd_dates() or any(_is_near(each, facts.now, hour) for each in known)


def _shared(facts: Facts) -> bool:
    times = [each.at for each in facts.call.alerts if each.rollout == facts.rollout]
    near = {each.rollout for each in facts.call.alerts}
    for each in (*facts.merged(), *facts.open()):
        if any(_is_near(each, time, timedelta(minutes=10)) for time in times):
            near.add(each["rollout"])
    return len(near) >= 3


def _many(facts: Facts) -> bool:
    return len([*facts.merged(), *facts.open()]) >= 4


def _of_a_rollback(facts: Facts) -> bool:
    return any((each["rollout"], each["restoredVersion"]) == (facts.rollout, facts.failed) for each in facts.merged())


def _window(facts: Facts) -> bool:
    window = facts.window()
    late = window is not None and facts.now - facts.since() > window - timedelta(minutes=5)
    return late or facts.has_odd_dates() or _has_gaps(facts)


def _settled(facts: Facts) -> bool:
    recent = facts.now - facts.since() <= facts.lookback()
    return recent or facts.has_odd_dates() or _has_gaps(facts)


def _has_gaps(facts: Facts) -> bool:
    """Return whether the rollout's file did not load at some time."""
    path = facts.call.place.path(f"rollouts/{facts.rollout}.yaml")
    return any(tip.subject == f"Break rollouts/{facts.rollout}.yaml" and path in tip.files for tip in facts.world.line)


def _weaker(facts: Facts) -> bool:
    """Return whether an older alert may be answered, since the hard one waits for a person too."""
    holds = any(check(facts) for check in (_window, _settled, _of_a_rollback))
    return len(facts.call.alerts) > 1 and (holds or facts.rollout in facts.world.retaken)


def _has_unread(facts: Facts) -> bool:
    """Return whether an incident or component on the base does not load."""
    broken = facts.world.broken
    return any(broken[key].meant is not None for key in facts.world.tip.files.items() if key in broken)


def _doubted(facts: Facts) -> bool:
    return bool(facts.world.people or facts.want.also) or _has_unread(facts)


def _workload(facts: Facts) -> bool:
    """Return whether the manifests may be of other versions than the open incidents and unread files lead to."""
    raw = any(tip.subject.startswith(("Break", "Mend")) for tip in facts.world.line)
    return facts.want.redirected or bool(facts.want.also) or raw or facts.world.merged_late


def _component(facts: Facts) -> bool:
    files = facts.call.place.files
    records = data_of(files, f"rollouts/{facts.rollout}.yaml")["spec"]["versions"]
    names = {name for record in records.values() for name in record.get("requires") or {}}
    return bool(names & {"engine", "device"}) or _has_unread(facts)


HOLDS: dict[str, Callable[[Facts], bool]] = {
    "component": _component,
    "contract": lambda facts: any(each.doubted for each in (facts.want.expected, *facts.want.also)),
    "cooldown": _cooldown,
    "rollbacks-per-day": _many,
    "auto-merges-per-day": _many,
    "shared-cause": _shared,
    "rollback-of-rollback": _of_a_rollback,
    "window": _window,
    "settled": _settled,
    "retaken": lambda facts: facts.rollout in facts.world.retaken,
    "incident": _doubted,
    "workload": _workload,
    "pins": _has_unread,
    "age": _weaker,
    "recovered": _weaker,
    "trigger": _weaker,
}


def unjustified(
    guard: str, world: World, call: Call, rollout: str, failed: str, want: Wanted, several: bool = False
) -> bool:
    """Return whether a guard holds a hard breach without a fact that it needs; of ``several`` it may be any."""
    if several:
        return guard not in {*HOLDS, "traffic", "one-action", "way-back"}
    return guard not in HOLDS or not HOLDS[guard](Facts(world, call, rollout, failed, want))
