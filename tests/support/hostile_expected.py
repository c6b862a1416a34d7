"""The outcomes that a breach may have, worked out from the files of the base and of open branches alone."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from expected_rollbacks import Data, Expected, data_of, expected, quarantined, serving
from forge_users import incident_text
from hostile_base import PAUSE
from hostile_git import Content
from hostile_places import Place
from hostile_world import Head, World
from workspaces import Files


@dataclass(frozen=True)
class State:
    """The branches and pull requests at one moment."""

    tips: dict[str, str]
    pulls: dict[int, dict[str, Any]]

    @classmethod
    def of(cls, world: World) -> State:
        return cls(world.bare.tips(), world.pulls())

    def pulls_of(self, branch: str) -> list[dict[str, Any]]:
        return [pull for pull in self.pulls.values() if pull["head"] == branch]


NOTHING = Expected(None)
EVENT = "components/event.yaml"
"""The component that says where the contracts are."""


@dataclass(frozen=True)
class Wanted:
    """What must come of a failure: ``kind``, and ``live`` if it is ``proposed``.

    ``also`` are outcomes that a person has to look at: an open incident may quarantine a version, or may not.
    ``redirected``: an open incident leads to another version than the base alone would.
    """

    kind: str
    expected: Expected = NOTHING
    also: tuple[Expected, ...] = ()
    redirected: bool = False

    @property
    def lives(self) -> list[Data]:
        """The states of ``live`` that a rollback may lead to."""
        return [each.live for each in (self.expected, *self.also) if each.live is not None]


def wanted(
    world: World,
    place: Place,
    state: State,
    rollout: str,
    version: str | None,
    *,
    ordered: bool,
    beside: Collection[tuple[str, str | None]] = (),
) -> Wanted:
    """Return what must come of a failure now. ``beside`` are all failures that are told at once."""
    if rollout not in place.loaded:
        return Wanted("unreadable")
    spec = data_of(place.files, f"rollouts/{rollout}.yaml")["spec"]
    failed = version or spec["live"].get("candidate") or spec["live"]["stable"]
    if failed not in spec["versions"]:
        return Wanted("unknown")
    if failed not in serving(spec):
        return Wanted("nothing")
    if not ordered and paused(world, place):
        return Wanted("paused")
    files = as_read(world, place)
    sure, unsure = _open_incidents(world, place, state, files, rollout)
    found, alone = (_best(world, place, {**files, **more}, rollout, failed) for more in (sure, {}))
    unsure |= _told_at_once(rollout, failed, spec["live"].get("candidate"), beside)
    also = _best(world, place, {**files, **sure, **unsure}, rollout, failed)
    return Wanted("stuck" if found.stuck else "proposed", found, (also,) if also != found else (), alone != found)


def _told_at_once(
    rollout: str, failed: str, candidate: str | None, beside: Collection[tuple[str, str | None]]
) -> Files:
    """Return the incident of a candidate that fails together with stable: it bars a target with the same digest."""
    if candidate is None or failed == candidate or (rollout, candidate) not in beside:
        return {}
    name = f"{rollout}-{candidate}-at-once"
    return {f"incidents/{name}.yaml": incident_text(candidate, rollout, name).encode()}


def as_read(world: World, place: Place) -> Files:
    """Return the files of a workspace, those that do not load as they must be read."""
    files = dict(place.files)
    for path in files:
        broken = world.broken.get((place.path(path), files[path]))
        if broken is not None and broken.meant is not None:
            files[path] = broken.meant
    return files


def _best(world: World, place: Place, files: Files, rollout: str, failed: str) -> Expected:
    """Return the outcome that is best: a version whose component does not load is restored if no other one can be."""
    found = expected(files, rollout, failed)
    broken = [path for path in files if path.startswith("components/") and world.is_broken(place.path(path))]
    if not found.stuck or not broken:
        return found
    records = data_of(files, f"rollouts/{rollout}.yaml")["spec"]["versions"].values()
    pins = {"1", *(pin for record in records for pin in (record.get("requires") or {}).values() if pin[0].isdigit())}
    served = json.dumps({"spec": {"serving": sorted(pins)}}).encode()
    kept = {path: text for path, text in files.items() if not path.startswith("contracts/")}
    return expected((kept if EVENT in broken else files) | dict.fromkeys(broken, served), rollout, failed)


def _open_incidents(world: World, place: Place, state: State, files: Files, rollout: str) -> tuple[Files, Files]:
    """Return the incidents on open branches of the tool: those that quarantine, and those that may.

    It is not sure of branches whose base is no longer in the history of the base.
    """
    live = data_of(files, f"rollouts/{rollout}.yaml")["spec"]["live"]
    here = {tip.commit for tip in world.line}
    before = quarantined(files, rollout)
    sure: Files = {}
    unsure: Files = {}
    for branch, tip in state.tips.items():
        head = world.made.get(tip)
        pulls = state.pulls_of(branch)
        if head is None or (pulls and all(pull["state"] == "closed" for pull in pulls)):
            continue
        answered = [each["failedVersion"] for each in failures_of(world, place, head) if each["rollout"] == rollout]
        for path, content in incidents_of(place, head.edits).items():
            if data_of({path: content}, path)["spec"]["failedVersion"] not in answered:
                continue  # the branch that it was made on tells of it
            barred = quarantined({**files, path: content}, rollout) - before
            if path not in files and barred & set(live.get("knownGood", [])) and live["stable"] not in barred:
                (sure if head.parent in here else unsure)[path] = content
    return sure, unsure


def failures_of(world: World, place: Place, head: Head) -> list[Data]:
    """Return the incidents of a head that are of versions which take requests on its own base."""
    found = incidents_of(place, head.edits)
    specs = [data_of(found, path)["spec"] for path in found]
    base = world.past[head.parent]
    return [
        each
        for each in specs
        if each["failedVersion"] in _serving(base, place.path(f"rollouts/{each['rollout']}.yaml"))
    ]


def _serving(files: dict[str, Content], path: str) -> set[str]:
    content = files.get(path)
    return serving(data_of({path: content}, path)["spec"]) if isinstance(content, bytes) else set()


def incidents_of(place: Place, edits: dict[str, Content | None] | Any) -> Files:
    """Return the incidents of a workspace among edits, by their paths in it."""
    start = place.path("incidents/")
    return {
        path[len(place.path("")) :]: content
        for path, content in edits.items()
        if path.startswith(start) and isinstance(content, bytes)
    }


def moment(value: Any) -> datetime:
    """Return a time of a document; YAML reads it unless it is quoted."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def paused(world: World, place: Place) -> bool:
    """Return whether a file pauses the automation two minutes from now; one that cannot be read does."""
    found = [world.tip.files[path] for path in {PAUSE, place.path(PAUSE)} if path in world.tip.files]
    return any(_pauses(content, world.clock[0]) for content in found if isinstance(content, bytes))


def _pauses(content: bytes, now: datetime) -> bool:
    try:
        expires = yaml.safe_load(content)["expires"]
    except yaml.YAMLError:
        return True
    return now.timestamp() + 120 < moment(expires).timestamp()
