"""Events between two breaches that people cause on the forge: merges, closed pull requests, drafts, pushes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from forge_users import incident_text
from hostile_git import TOOL, Planned
from hostile_world import World

from rollout_spec.core.units import format_time

Pull = dict[str, Any]


def forged_incident(rollout: str, version: str, number: str = "") -> bytes:
    """Return an incident that somebody makes up."""
    return incident_text(version, rollout, f"{rollout}-{version}{number}").encode()


def _open(world: World) -> list[Pull]:
    return [pull for pull in world.pulls().values() if pull["state"] == "open"]


def _some(world: World, pulls: list[Pull]) -> Pull | None:
    return world.random.choice(pulls) if pulls else None


def merge(world: World) -> str | None:
    """Merge a pull request of the tool: by a merge commit, squashed, or rebased; its branch may go."""
    tips, main = world.bare.tips(), world.main
    pull = _some(world, [each for each in _open(world) if tips.get(each["head"]) in world.made])
    tree = world.bare.merge_tree(main, tips[pull["head"]]) if pull else None
    if pull is None or tree is None:
        return None
    world.later()
    head, before, now = tips[pull["head"]], world.tip, world.clock[0]
    manner = world.random.choice(["merge", "squash", "rebase"])
    message = world.bare.text("log", "-1", "--format=%B", head) if manner == "rebase" else f"{manner} {pull['head']}\n"
    parents = [main, head] if manner == "merge" else [main]
    commit = world.bare.commit(tree, parents, message, now, TOOL if manner == "rebase" else "Ada <ada@example.com>")
    world.landed(commit, message)
    world.merged_late |= world.made[head].parent != main
    world.merges.append((before, world.tip, pull["head"]))
    if world.random.random() < 0.75:  # a person may merge it by git alone
        when = format_time(now)
        world.edit_pull(pull["number"], state="merged", draft=False, mergeSha=commit, mergedAt=when)
    if world.random.random() < 0.5:
        world.bare.move(pull["head"], None)
    return f"merged, {manner}"


def close(world: World) -> str | None:
    """Close a pull request; the forge may not say when that was."""
    pull = _some(world, _open(world))
    if pull is None:
        return None
    told = world.random.random() < 0.6
    world.closed[pull["number"]] = world.clock[0] if told else None
    when = format_time(world.clock[0]) if told else None
    if pull.get("autoMerge"):
        world.hands[pull["number"], "disarmed"] = pull["headSha"]
    world.edit_pull(pull["number"], state="closed", autoMerge=False, closedAt=when)
    return "closed" if told else "closed, no time"


def reopen(world: World) -> str | None:
    pull = _some(world, [each for each in world.pulls().values() if each["number"] in world.closed])
    if pull is None or pull["state"] != "closed":
        return None
    world.closed.pop(pull["number"])
    world.edit_pull(pull["number"], state="open", closedAt=None)
    return "reopened"


def draft(world: World) -> str | None:
    """Convert a pull request to a draft; some forges cancel its auto-merge then."""
    pull = _some(world, [each for each in _open(world) if not each.get("draft")])
    if pull is None:
        return None
    kept = {} if world.random.random() < 0.5 else {"autoMerge": False}
    world.edit_pull(pull["number"], draft=True, **kept)
    if not _is_recorded(pull, "draft"):  # else a person made it ready before, and the file is as the tool wrote it
        world.hands[pull["number"], "drafted"] = pull["headSha"]
    if kept and pull.get("autoMerge"):
        world.hands[pull["number"], "disarmed"] = pull["headSha"]
    return "drafted"


def _is_recorded(pull: dict[str, Any], state: str) -> bool:
    """Return whether the tool noted of the present head that it was a draft, or armed."""
    noted = pull.get("automation", {})
    return noted.get("head") == pull["headSha"] and bool(noted.get(state))


def disarm(world: World) -> str | None:
    pull = _some(world, [each for each in _open(world) if each.get("autoMerge")])
    if pull is None:
        return None
    world.edit_pull(pull["number"], autoMerge=False)
    if _is_recorded(pull, "armed"):
        world.hands[pull["number"], "disarmed"] = pull["headSha"]
    return "disarmed"


def ready(world: World) -> str | None:
    pull = _some(world, [each for each in _open(world) if each.get("draft")])
    if pull is None:
        return None
    world.edit_pull(pull["number"], draft=False)
    world.hands.pop((pull["number"], "drafted"), None)
    return "made ready"


def delete_branch(world: World) -> str | None:
    tips = world.bare.tips()
    pull = _some(world, [each for each in world.pulls().values() if tips.get(each["head"]) in world.made])
    if pull is None or not world.bare.move(pull["head"], None):
        return None
    return "branch deleted"


# Pushes to the branches of pull requests.


def _push(world: World, pull: Pull, planned: Planned, kind: str) -> str:
    """Push a commit over the branch of a pull request. The record of it may follow, as on a forge, or not."""
    (commit,) = world.bare.write([planned])
    return _moved(world, pull, commit, kind)


def _moved(world: World, pull: Pull, commit: str, kind: str) -> str:
    assert world.bare.move(pull["head"], commit)
    if commit not in world.made:
        world.people[commit] = kind
    if world.random.random() < 0.5:
        world.edit_pull(pull["number"], headSha=commit)
    return kind


def _on_a_branch(world: World) -> tuple[Pull | None, dict[str, str]]:
    tips = world.bare.tips()
    return _some(world, [each for each in world.pulls().values() if tips.get(each["head"]) in world.made]), tips


def add_commit(world: World) -> str | None:
    pull, tips = _on_a_branch(world)
    if pull is None:
        return None
    planned = Planned((tips[pull["head"]],), {"notes.md": b"look\n"}, "Add notes\n", world.clock[0])
    return _push(world, pull, planned, "commit added")


def force_push(world: World) -> str | None:
    """Replace the head of a pull request: with more than there was, an incident more, or an older head."""
    pull, tips = _on_a_branch(world)
    if pull is None:
        return None
    head = world.made[tips[pull["head"]]]
    message = world.bare.text("log", "-1", "--format=%B", tips[pull["head"]])
    kind = world.random.choice(["workflow", "incident", "old head", "base", "live"])
    if kind == "old head":
        return _moved(world, pull, world.random.choice(list(world.made)), "old head pushed")
    if kind == "base":
        return _moved(world, pull, world.random.choice(world.line).commit or world.main, "base pushed")
    edits = dict(head.edits)
    if kind == "workflow":
        edits[".github/workflows/x.yml"] = b"on: push\n"
    elif kind == "live":
        if not any("rollouts/" in path for path in edits):  # an incident alone would stay as it is
            return None
        edits = {path: each for path, each in edits.items() if "rollouts/" not in path}
    else:
        path = next(path for path in edits if "incidents/" in path)
        folder, _, name = path.rpartition("/")
        edits[f"{folder}/{name.split('-')[0]}-2-9.yaml"] = forged_incident(name.split("-")[0], "2", "-9")
    planned = Planned((head.parent,), edits, message, world.clock[0] - timedelta(hours=1), TOOL)
    return _push(world, pull, planned, f"forged, {kind}")
