"""What people do on the local forge and beside it: they edit pull requests, push branches, and take merges back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from repo import Repo, git

from rollout_spec.domain import transitions
from rollout_spec.spec.rollout import Live

STAGES = ["shadow", "canary-5", "ab-50", "full"]


def edit_pull(repo: Repo, number: int, **fields: Any) -> None:
    """Change fields of a pull request, as its page lets a person do."""
    path = Path(f"{repo.remote}.pulls/{number}.json")
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **fields}), "utf-8")


def pull(repo: Repo, number: int) -> dict[str, Any]:
    return next(each for each in repo.pull_requests() if each["number"] == number)


def newest(repo: Repo) -> dict[str, Any]:
    return repo.pull_requests()[-1]


def automate(repo: Repo, *lines: str, mode: str = "auto-merge") -> None:
    """Say how far automation may go, on the base."""
    text = repo.at("HEAD", ".rollout-spec.yaml")
    start = text[: text.index("  automation:")]
    settings = "".join(f"    {each}\n" for each in (f"mode: {mode}", *lines))
    repo.write(".rollout-spec.yaml", f"{start}  automation:\n{settings}")
    repo.commit("Automate")


def advance(repo: Repo, rollout: str = "fraud") -> str:
    return repo.take(lambda live: transitions.advance(live, STAGES), f"Advance {rollout}", rollout=rollout)


def promote(repo: Repo, rollout: str = "fraud") -> str:
    while repo.model(rollout).spec.live.stage != "full":
        advance(repo, rollout)
    return repo.take(lambda live: transitions.promote(live, STAGES, ()), f"Promote {rollout}", rollout=rollout)


def set_live(repo: Repo, live: Live, message: str) -> str:
    return repo.take(lambda _: live, message)


def serve_too(repo: Repo, *names: str) -> None:
    """Serve more rollouts that are like fraud."""
    text = repo.at("HEAD", "rollouts/fraud.yaml")
    for name in names:
        words = text.replace("name: fraud", f"name: {name}").replace("host: fraud.", f"host: {name}.")
        repo.write(f"rollouts/{name}.yaml", words)
    repo.render()
    repo.commit(f"Serve {', '.join(names)}")


def open_incident(repo: Repo, version: str, rollout: str = "fraud", *, name: str = "") -> str:
    """Commit an incident of a version to the base; manifests follow."""
    name = name or f"{rollout}-{version}"
    repo.write(f"incidents/{name}.yaml", incident_text(version, rollout, name))
    repo.render()
    return repo.commit(f"Open incident {name}")


def incident_text(version: str, rollout: str = "fraud", name: str = "", **fields: str) -> str:
    facts = {"source": "ada", "observedAt": "2026-11-20T08:00:00Z", "status": "open", **fields}
    lines = [
        "apiVersion: rollout-spec/v1",
        "kind: Incident",
        f"metadata: {{name: {name or f'{rollout}-{version}'}}}",
        "spec:",
        f"  rollout: {rollout}",
        f'  failedVersion: "{version}"',
        "  restoredVersion: null",
        *(f"  {key}: {value}" for key, value in facts.items()),
    ]
    return "\n".join(lines) + "\n"


def push_tree(repo: Repo, branch: str, base: str, edits: dict[str, str | None], message: str, **author: str) -> str:
    """Push a branch with one commit of these edits on a base, by any author, without touching the clone's files."""
    index = {"GIT_INDEX_FILE": str(repo.folder / ".git/forged-index")}
    repo.git("read-tree", base, **index)
    for path, text in edits.items():
        if text is None:
            repo.git("update-index", "--force-remove", path, **index)
            continue
        file = repo.remote.parent / "forged"
        file.write_text(text, "utf-8")
        oid = repo.git("hash-object", "-w", str(file))
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", **index)
    tree = repo.git("write-tree", **index)
    who = {"NAME": "rollout-spec", "EMAIL": "rollout-spec@users.noreply.invalid", **author}
    environment = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    commit = repo.git("commit-tree", tree, "-p", base, "-m", message, **environment)
    repo.git("push", "-q", "-f", "origin", f"{commit}:refs/heads/{branch}")
    return commit


def later(repo: Repo, **units: int) -> None:
    repo.clock[0] += timedelta(**units)


def is_armed(repo: Repo, number: int) -> bool:
    return bool(pull(repo, number)["autoMerge"])


def head_of(repo: Repo, number: int) -> str:
    """Return the commit that the branch of a pull request is at."""
    return git(repo.remote, "rev-parse", f"refs/heads/{pull(repo, number)['head']}")
