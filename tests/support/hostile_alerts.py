"""Monitors and people who call the tool: one alert or several, hard or soft, old or fresh, repeated, or an order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from expected_rollbacks import Data, data_of, serving
from hostile_expected import incidents_of
from hostile_places import Place
from hostile_world import Head, World

HARD = ("serving-errors", "latency-sla")


@dataclass(frozen=True)
class Alert:
    """What is said of one version; ``version`` is None if a person named the rollout alone."""

    rollout: str
    version: str | None
    trigger: str | None
    at: datetime
    ended: datetime | None = None

    def is_hard(self, now: datetime) -> bool:
        """Return whether it is hard, fresh and not over."""
        fresh = timedelta(minutes=-5) <= now - self.at <= timedelta(hours=24)
        return self.trigger in HARD and fresh and self.ended is None


@dataclass(frozen=True)
class Call:
    """One run of the tool: its arguments, and what they say."""

    kind: str
    place: Place
    words: tuple[str, ...]
    alerts: tuple[Alert, ...]
    ordered: bool = False
    arms: bool = False

    def may_edit(self, path: str, rollouts: set[str]) -> bool:
        """Return whether rollbacks of some rollouts may change a file."""
        rest = [
            *(f"{folder}/{name}{end}" for name in rollouts for folder, end in (("manifests", "/"), ("alerts", ".yaml")))
        ]
        rest += ["incidents/", "components/"]
        own = [self.place.path(f"rollouts/{name}.yaml") for name in rollouts]
        return path in own or path.startswith(tuple(map(self.place.path, rest)))

    def incidents(self, head: Head) -> list[Data]:
        """Return the incidents that a head adds to the workspace."""
        found = incidents_of(self.place, head.edits)
        return [data_of(found, path)["spec"] for path in found]

    @property
    def failures(self) -> dict[tuple[str, str | None], list[Alert]]:
        """The alerts by rollout and version."""
        found: dict[tuple[str, str | None], list[Alert]] = {}
        for each in self.alerts:
            found.setdefault((each.rollout, each.version), []).append(each)
        return found


def draw(world: World) -> Call | None:
    """Draw the next call; None if no rollout loads."""
    place = world.random.choice(world.places)
    if not place.loaded:
        return None
    kind = world.random.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    return KINDS[kind][1](world, place)


def _fails(world: World, place: Place) -> tuple[str, str]:
    """Draw a version that fails: rather one that takes traffic, and rather a candidate."""
    chance = world.random
    names = place.repository.names("rollouts") if chance.random() < 0.02 else place.loaded
    name = chance.choice(names)
    if name not in place.loaded:
        return name, "3"
    spec = data_of(place.files, f"rollouts/{name}.yaml")["spec"]
    live = serving(spec)
    if spec["live"].get("candidate") in live and chance.random() < 0.5:
        return name, str(spec["live"]["candidate"])
    return name, chance.choice([*sorted(live) * 6, chance.choice(list(spec["versions"]))])


def _alert(world: World, place: Place, trigger: str | None = None) -> Alert:
    """Draw a hard alert that began to fire a minute ago."""
    name, version = _fails(world, place)
    began = world.clock[0] + timedelta(seconds=world.random.randrange(60))
    return Alert(name, version, trigger or world.random.choice(HARD), began)


def _told(world: World, place: Place, kind: str, *alerts: Alert) -> Call:
    path = world.folder / f"payload-{len(world.calls)}.json"
    path.write_text(json.dumps({"version": "4", "alerts": [_payload(each, place) for each in alerts]}), "utf-8")
    return Call(kind, place, ("rollback", "--breach", str(path)), alerts)


def _payload(alert: Alert, place: Place) -> dict[str, Any]:
    labels = {"workspace": place.name, "rollout": alert.rollout, "version": alert.version, "trigger": alert.trigger}
    known = {key: value for key, value in labels.items() if value is not None}
    return {
        "status": "firing",
        "labels": known,
        "annotations": {"summary": f"{alert.rollout} {alert.version} fails", "value": "0.081"},
        "startsAt": alert.at.isoformat(),
        "endsAt": alert.ended.isoformat() if alert.ended else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com/graph",
        "fingerprint": hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16],
    }


def hard(world: World, place: Place) -> Call:
    return _told(world, place, "hard", _alert(world, place))


def soft(world: World, place: Place) -> Call:
    return _told(world, place, "soft", _alert(world, place, world.random.choice(["drift", "spot-check"])))


def unknown(world: World, place: Place) -> Call:
    alert = _alert(world, place)
    if world.random.random() < 0.3:
        return _told(world, place, "unknown version", replace(alert, version="99"))
    return _told(world, place, "unknown trigger", replace(alert, trigger=world.random.choice([None, "no-trigger"])))


def dated(world: World, place: Place) -> Call:
    """An alert that is old, ahead of the clock, or over."""
    alert = _alert(world, place)
    kind = world.random.choice(["old", "ahead", "over"])
    if kind == "over":
        return _told(world, place, kind, replace(alert, ended=alert.at + timedelta(seconds=50)))
    days = timedelta(days=world.random.choice([2, 30, 400]))
    return _told(world, place, kind, replace(alert, at=alert.at - days if kind == "old" else alert.at + days))


def several(world: World, place: Place) -> Call:
    """Alerts of one version: soft ones, old ones, and a hard one among them."""
    alert = _alert(world, place)
    others = [
        replace(alert, trigger="drift", at=alert.at - timedelta(hours=world.random.choice([0, 3]))),
        replace(alert, at=alert.at - timedelta(hours=world.random.choice([25, 26, 900]))),
        replace(alert, ended=alert.at + timedelta(seconds=50)),
        replace(alert, trigger="no-trigger"),
    ]
    chosen = [alert, *world.random.sample(others, world.random.randint(1, 3))]
    world.random.shuffle(chosen)
    return _told(world, place, "several", *chosen)


def pair(world: World, place: Place) -> Call:
    """Alerts of several rollouts, which may share a component."""
    alerts = [_alert(world, place) for _ in range(world.random.choice([2, 2, 3]))]
    specs = {name: data_of(place.files, f"rollouts/{name}.yaml")["spec"] for name in place.loaded}
    flying = [name for name, spec in specs.items() if spec["live"].get("candidate") in serving(spec)]
    if len(flying) > 1 and world.random.random() < 0.7:
        alerts = [replace(alerts[0], rollout=name, version=specs[name]["live"]["candidate"]) for name in flying]
    return _told(world, place, "of several rollouts", *alerts)


def repeated(world: World, place: Place) -> Call:
    """The payload of an earlier call again."""
    calls = [each for each in world.calls if each.place is place]
    return replace(world.random.choice([*calls, *calls[-1:] * 4]), kind="repeated") if calls else hard(world, place)


def order(world: World, place: Place) -> Call:
    name, version = _fails(world, place)
    arms, named = world.random.random() < 0.4, world.random.random() < 0.5
    words: tuple[str, ...] = ("rollback", name, "--reason", "scores drift")
    words += (("--version", version) if named else ()) + (("--auto-merge",) if arms else ())
    alert = Alert(name, version if named else None, None, world.clock[0])
    return Call("order", place, words, (alert,), ordered=True, arms=arms)


KINDS: dict[str, tuple[float, Callable[[World, Place], Call]]] = {
    "hard": (10, hard),
    "soft": (2, soft),
    "unknown": (1, unknown),
    "dated": (1.5, dated),
    "several": (3, several),
    "pair": (3, pair),
    "repeated": (4, repeated),
    "order": (3, order),
}
