"""Heads that merge themselves, built again in a fresh clone by a dry run of the breach that their incident records."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from hostile_expected import State, failures_of
from hostile_git import Bare
from hostile_places import Place
from hostile_world import World
from repo import Repo, Result

_CAUSE = re.compile(r"shared cause(, \d+ rollouts at once: .*?| with .*?, see incident \S+)\. ")
"""What the tool writes before a summary if several rollouts failed at once: that was so when the head was made."""


def differs(world: World, place: Place, state: State, commit: str) -> str | None:
    """Say how a head differs from what the tool builds now on the head's own base; None if it does not."""
    head = world.made[commit]
    failing = failures_of(world, place, head)
    answer = _dry_run(world, place, state, commit, head.parent, failing)
    told = answer.out.split("\n")[0]
    if not told.startswith("commit "):
        return f"a dry run builds nothing: {answer.text}"
    fresh = Bare(world.folder / "rebuilt" / "clone.git")
    tree = fresh.tree(told.split()[1])
    if tree == world.bare.tree(commit) or _differ_by_cause(fresh, world.bare.tree(commit), tree):
        return None
    return "a dry run builds another tree:\n" + fresh.text("diff", world.bare.tree(commit), tree)


def _dry_run(world: World, place: Place, state: State, commit: str, base: str, failing: list[dict[str, Any]]) -> Result:
    """Run the tool in a fresh clone of a remote that has a base and the branches that are open beside a head."""
    folder = world.folder / "rebuilt"
    shutil.rmtree(folder, ignore_errors=True)
    remote = Bare.create(folder / "remote.git")
    alternates = remote.root / "objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{world.bare.root / 'objects'}\n")
    gone = {pull["head"] for pull in state.pulls.values() if pull["state"] == "closed"}
    kept = {name: tip for name, tip in state.tips.items() if name != "main" and tip != commit and name not in gone}
    lines = "".join(f"{tip} refs/heads/{name}\n" for name, tip in sorted({**kept, "main": base}.items()))
    (remote.root / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{lines}")
    remote.output("clone", "-q", "--template=", "--bare", "--shared", str(remote.root), str(folder / "clone.git"))
    repo = Repo(folder / "clone.git", remote.root, place.prefix, world.clock)
    first = failing[0]
    if first["source"] == "manual":
        words: tuple[str, ...] = (first["rollout"], "--version", first["failedVersion"])
        words += ("--reason", _as_told(first["evidence"]["summary"]), "--at", _time(first["observedAt"]))
    else:
        words = ("--breach", _payload(folder / "payload.json", failing))
    return repo.run("rollback", *words, "--dry-run")


def _payload(path: Path, failing: list[dict[str, Any]]) -> str:
    alerts = [
        {
            "status": "firing",
            "labels": {
                "rollout": each["rollout"], "version": each["failedVersion"], **_if_known("trigger", each["trigger"])
            },
            "annotations": {"summary": _as_told(each["evidence"]["summary"]), "value": str(each["evidence"]["value"])},
            "startsAt": _time(each["observedAt"]),
            "generatorURL": each["evidence"]["url"],
        }
        for each in failing
    ]  # fmt: skip
    path.write_text(json.dumps({"version": "4", "alerts": alerts}), "utf-8")
    return str(path)


def _differ_by_cause(fresh: Bare, one: str, other: str) -> bool:
    """Return whether two trees differ by the shared causes that incidents name, and by nothing else."""
    paths = fresh.text("diff", "--name-only", one, other).split()
    texts = ([_CAUSE.sub("", fresh.text("show", f"{tree}:{path}")) for path in paths] for tree in (one, other))
    try:
        return all("incidents/" in path for path in paths) and next(texts) == next(texts)
    except OSError:  # one of them has no such file
        return False


def _as_told(summary: str) -> str:
    """Return the summary of an alert without the shared cause that the tool names before it."""
    return _CAUSE.sub("", summary)


def _if_known(key: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {key: value}


def _time(moment: Any) -> str:
    return str(moment.isoformat()) if hasattr(moment, "isoformat") else str(moment)
