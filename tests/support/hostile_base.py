"""Events between two breaches that change the base: pushes back, reverts, wrong dates, files that do not load."""

from __future__ import annotations

import importlib.util
from datetime import timedelta

from expected_rollbacks import data_of
from hostile_git import Content, Link
from hostile_people import forged_incident
from hostile_places import Place
from hostile_world import Broken, World

from rollout_spec.render.drift import find_drift

UNREAD = importlib.util.find_spec("rollout_spec.domain.incidents") is not None
"""An incident that does not load quarantines the version that its name says."""
LINKS = importlib.util.find_spec("rollout_spec.core.links") is not None
"""A link is read as absent."""
PAUSE = ".rollout-spec-pause"


def push_back(world: World) -> str | None:
    """Push the base back by some merges."""
    count = world.random.randint(1, 3)
    first = 1 + len(world.places)  # never behind the beginning of a workspace
    if len(world.line) - count < first:
        return None
    world.settle()
    gone = {id(tip) for tip in world.line[-count:]}
    behind = any(id(after) in gone for _, after, _ in world.merges)
    del world.line[-count:]
    world.merges = [each for each in world.merges if id(each[1]) not in gone]
    world.moved()
    return "base pushed back behind a rollback" if behind else "base pushed back"


def revert(world: World) -> str | None:
    """Take the merge of a rollback back."""
    if not world.merges:
        return None
    before, after, branch = world.random.choice(world.merges)
    paths = [path for path in {**before.files, **after.files} if before.files.get(path) != after.files.get(path)]
    if any(world.tip.files.get(path) != after.files.get(path) for path in paths):
        return None
    world.put(f'Revert "{branch}"', {path: before.files.get(path) for path in paths})
    world.retaken |= {path.rpartition("/")[2].removesuffix(".yaml") for path in paths if "rollouts/" in path}
    return "rollback reverted"


def wrong_date(world: World) -> str | None:
    """Let the next commit bear a date that is years off."""
    world.odd = timedelta(days=world.random.choice([-4000, -900, -2, 2, 900, 4000]))
    return "wrong date"


def pause(world: World) -> str | None:
    """Pause the automation of a workspace or of all, for some hours or for good; or end that."""
    place = world.random.choice(world.places)
    path = world.random.choice([PAUSE, place.path(PAUSE)])
    if any(each in world.tip.files for each in (PAUSE, *(each.path(PAUSE) for each in world.places))):
        paths = [each for each in (PAUSE, *(each.path(PAUSE) for each in world.places)) if each in world.tip.files]
        world.put("Go on", dict.fromkeys(paths))
        return "pause ends"
    until = world.clock[0] + timedelta(hours=world.random.choice([-1, 1, 5, 100]))
    text = f"reason: the cluster is being moved\nexpires: {until:%Y-%m-%dT%H:%M:%SZ}\n"
    world.put("Pause", {path: text.encode() if world.random.random() < 0.8 else b"reason: [\n"})
    return "pause"


# Files that do not load.


def _broken(world: World, text: bytes) -> bytes:
    """Return a text that does not load, made of one that does."""
    return world.random.choice(
        [
            b"spec: [\n",
            b"<<<<<<< HEAD\n" + text + b"=======\n>>>>>>> main\n",
            text.replace(b"spec:", b"specc:", 1),
            text.replace(b"kind:", b"kinds:", 1),
            text.replace(b"\n", b"\n\xff\xfe\n", 1),
        ]
    )


def _break(
    world: World, place: Place, path: str, content: Content | None, text: bytes, meant: bytes | None = None
) -> None:
    """Commit a file that does not load. ``meant`` is the file that it must be read as."""
    full = place.path(path)
    world.broken[full, text] = Broken(content, meant)
    world.put(f"Break {path}", {full: text})


def break_file(world: World) -> str | None:
    """Commit a rollout, component, template or contract that does not load."""
    place = world.random.choice(world.places)
    kind = world.random.choice(["rollout", "component", "template", "contract", "pack"])
    if kind == "rollout":
        path = f"rollouts/{world.random.choice(place.repository.names('rollouts'))}.yaml"
    elif kind == "component":
        path = f"components/{world.random.choice(['profile', 'event', 'engine', 'device', 'ghost'])}.yaml"
    else:
        path = {"template": "templates/own/target.yaml", "contract": "contracts/event/1.1.json"}.get(kind, "")
        path = path or "policies/own.yaml"
    if world.is_broken(place.path(path)) or (kind == "component" and not UNREAD):
        return None
    content = world.tip.files.get(place.path(path))
    old = content if isinstance(content, bytes) else b"apiVersion: rollout-spec/v1\nkind: Component\nspec: {}\n"
    meant = b"spec: {serving: []}\n" if kind == "component" else None  # nothing is served on a guess
    _break(world, place, path, content, _broken(world, old) if kind != "contract" else b"{", meant)
    return f"{kind} does not load"


def break_incident(world: World) -> str | None:
    """Commit an incident that does not load: of a version that is live, known good or neither."""
    place = world.random.choice(world.places)
    if not UNREAD or not place.loaded:
        return None
    rollout = world.random.choice(place.loaded)
    spec = data_of(place.files, f"rollouts/{rollout}.yaml")["spec"]
    known = spec["live"].get("knownGood", [])
    version = world.random.choice([*known, *known, *spec["versions"]])
    path = f"incidents/{rollout}-{version}{world.random.choice(['', '-2', '-3'])}.yaml"
    if place.path(path) in world.tip.files:
        return None
    meant = forged_incident(rollout, version)
    _break(world, place, path, None, _broken(world, meant), meant)
    return "incident does not load"


def bar(world: World) -> str | None:
    """Commit an incident of a known-good version: open rollbacks to it are out of date."""
    place = world.random.choice(world.places)
    if not place.loaded:
        return None
    rollout = world.random.choice(place.loaded)
    known = data_of(place.files, f"rollouts/{rollout}.yaml")["spec"]["live"].get("knownGood") or []
    path = f"incidents/{rollout}-{known[0]}.yaml" if known else ""
    if not known or place.path(path) in world.tip.files:
        return None
    after = place.repository.edited({path: forged_incident(rollout, known[0])})
    file = after.rollout(rollout)
    assert file is not None
    manifests = {each.path: each.wanted for each in find_drift(file, after)}
    edits = {path: forged_incident(rollout, known[0]), **manifests}
    world.put(f"Open incident of {rollout} {known[0]}", {place.path(each): text for each, text in edits.items()})
    return "incident of a known-good version"


def mend(world: World) -> str | None:
    """Bring a broken file back as it was."""
    for (path, text), broken in world.broken.items():
        if world.tip.files.get(path) == text:
            world.put(f"Mend {path}", {path: broken.before})
            return "mended"
    return None


def link(world: World) -> str | None:
    """Commit a symbolic link in a place that no rollback needs."""
    place = world.random.choice(world.places)
    if not LINKS or not place.loaded:
        return None
    name = world.random.choice(place.loaded)
    path, target = world.random.choice(
        [
            (f"rollouts/{name}-too.yaml", f"{name}.yaml"),
            (f"incidents/{name}-old.yaml", "../README.md"),
            ("components/spare.yaml", "profile.yaml"),
            ("components/away.yaml", "/etc/hostname"),
            ("manifests/old", name),
            (f"manifests/{name}/old.yaml", "kserve.yaml"),
            ("templates/spare", "../components"),
            ("docs/here", ".."),
        ]
    )
    if place.path(path) in world.tip.files:
        return None
    world.put(f"Link {path}", {place.path(path): Link(target)})
    return "link"
