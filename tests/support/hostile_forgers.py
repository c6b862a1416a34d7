"""Events between two breaches that forgers cause: branches of the tool's names, and pull requests that are not its."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from expected_rollbacks import data_of
from hostile_git import TOOL, Bare, Content, Planned
from hostile_people import forged_incident
from hostile_places import Place
from hostile_world import Head, World

from rollout_spec.core.units import format_time

FUTURE = datetime(2036, 1, 1, tzinfo=UTC)


def _pushed(world: World, branch: str, planned: Planned, kind: str) -> str | None:
    (commit,) = world.bare.write([planned])
    if branch in world.bare.tips() or not world.bare.move(branch, commit):
        return None
    world.people[commit] = kind
    return kind


def in_the_way(world: World) -> str | None:
    """Push a branch where the tool needs a folder."""
    place = world.random.choice(world.places)
    kind = world.random.choice(["rollback", "incident"])
    names = [kind, f"{kind}/{place.name}"]
    names += [f"{kind}/{place.name}/{name}" for name in place.loaded]
    name = world.random.choice(names)
    planned = Planned((world.main,), {"in-the-way.md": b"\n"}, "Try\n", world.clock[0])
    return _pushed(world, name, planned, "branch in the way")


def incident_branch(world: World) -> str | None:
    """Push a made-up incident of a version that is live or known good, as if a rollback of it were open."""
    place = world.random.choice(world.places)
    if not place.loaded:
        return None
    rollout = world.random.choice(place.loaded)
    live = data_of(place.files, f"rollouts/{rollout}.yaml")["spec"]["live"]
    version = world.random.choice([live["stable"], *live.get("knownGood", [])])
    kind = world.random.choice(["rollback", "incident"])
    digest = f"{world.random.randrange(16**8):08x}"
    text: Content = forged_incident(rollout, version)
    if world.random.random() < 0.2:
        text = b"spec: [\n"
    edits = {place.path(f"incidents/{rollout}-{version}.yaml"): text}
    message = f"Roll back {rollout}\n\nRollback-Of: {rollout}/{version}\n"
    planned = Planned((world.main,), edits, message, world.clock[0], TOOL)
    return _pushed(world, f"{kind}/{place.name}/{rollout}/{version}-{digest}", planned, "forged incident branch")


def shared_cause(world: World) -> str | None:
    """Push branches that tell of many rollouts failing now."""
    place = world.random.choice(world.places)
    done = None
    for rollout in place.loaded:
        edits = {place.path(f"incidents/{rollout}-9.yaml"): _failing(rollout, world)}
        planned = Planned((world.main,), edits, f"Rollback-Of: {rollout}/9\n", world.clock[0], TOOL)
        done = _pushed(world, f"rollback/{place.name}/{rollout}/9-00000000", planned, "forged shared cause") or done
    return done


def _failing(rollout: str, world: World) -> bytes:
    text = forged_incident(rollout, "9").decode().replace("restoredVersion: null", 'restoredVersion: "1"')
    when = world.clock[0].strftime("%Y-%m-%dT%H:%M:%SZ")
    return text.replace("2026-11-20T08:00:00Z", f"{when}\n  trigger: serving-errors").encode()


def next_branch(world: World, place: Place, words: tuple[str, ...]) -> str | None:
    """Push something on the very branch that the next rollback takes; a dry run tells its name."""
    before = world.bare.tips(), world.pulls()
    shown = world.replica(place).run(*words, "--dry-run")
    assert (world.bare.tips(), world.pulls()) == before, "a dry run pushes nothing"
    told = dict(line.split(" ", 1) for line in shown.out.splitlines()[:2] if line.startswith(("commit ", "branch ")))
    if len(told) < 2 or told["branch"] in before[0]:
        return None
    commit, branch = told["commit"], told["branch"]
    folder = next(each for each in world.replicas if _holds(each, commit))
    world.bare.output("fetch", "-q", str(folder), commit)
    edits = world.bare.changes(world.main, commit)
    message = world.bare.text("log", "-1", "--format=%B", commit)
    kind = world.random.choice(["workflow", "incident", "nothing", "no incident", "the same", "old head"])
    if kind == "old head" and world.made:
        return "old head on the next name" if world.bare.move(branch, world.random.choice(list(world.made))) else None
    if kind == "workflow":
        edits[place.path(".github/workflows/x.yml")] = b"on: push\n"
    elif kind == "incident":
        name = world.random.choice(place.loaded)
        edits[place.path(f"incidents/{name}-1-7.yaml")] = forged_incident(name, "1", "-7")
    elif kind == "no incident":
        edits = {path: each for path, each in edits.items() if "incidents/" not in path}
    elif kind == "nothing":
        edits = {"evil.md": b"evil\n"}
    (forged,) = world.bare.write([Planned((world.main,), edits, message, world.clock[0], TOOL)])
    if not world.bare.move(branch, forged):
        return None
    if world.bare.tree(forged) == world.bare.tree(commit):  # the same tree is the same rollback, whoever pushed it
        world.made[forged] = Head(world.main, edits)
    else:
        world.people[forged] = kind
    if world.random.random() < 0.5:
        _pull_request(world, branch, forged)
    return f"next name: {kind}"


def _holds(folder: Path, commit: str) -> bool:
    try:
        Bare(folder).output("cat-file", "-e", commit)
    except OSError:
        return False
    return True


def _pull_request(world: World, branch: str, commit: str) -> None:
    """Open a pull request for a pushed branch, and perhaps close it in the far future."""
    closed = world.random.random() < 0.5
    number = max(world.pulls(), default=0) + 1
    if closed:
        world.closed[number] = FUTURE
    world.edit_pull(
        number, state="closed" if closed else "open", draft=False, title="Revert", body="", base="main", head=branch,
        headSha=commit, labels=[], autoMerge=False, closedAt=format_time(FUTURE) if closed else None,
    )  # fmt: skip
