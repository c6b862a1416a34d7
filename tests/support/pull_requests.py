"""What people propose to a rollout repository, and the clones in which a forge's runners look at it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from repo import STAGES, Repo, Result, git

from rollout_spec.domain.transitions import advance, withdraw

MERGE_REF = "refs/pull/1/merge"
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")

Change = Callable[[Repo], object]


def advances(repo: Repo) -> None:
    """A good change: the next stage."""
    repo.take(lambda live: advance(live, STAGES), "Advance fraud", push=False)


def rewrites_history(repo: Repo) -> None:
    """A bad change that only a comparison shows: a record that was merged is another one now."""
    repo.edit("rollouts/fraud.yaml", "runId: c0ffee0a1b2c4d5e8f90a1b2c3d4e5f6", "runId: deadbeef0b1c2d3e")
    repo.render()
    repo.commit("Tidy up", push=False)


def serves_churn(repo: Repo) -> None:
    """A change that is right by itself: another rollout, of a version that needs user-profile 12."""
    data = repo.data_at("HEAD", "rollouts/fraud.yaml")
    data["metadata"]["name"] = "churn"
    data["spec"]["service"]["host"] = "churn.ml.svc.cluster.local"
    data["spec"]["versions"] = {"42": data["spec"]["versions"]["42"]}
    data["spec"]["live"] = {"stable": "42"}
    repo.write("rollouts/churn.yaml", json.dumps(data, default=float))
    repo.render()
    repo.commit("Serve churn", push=False)


def ends_user_profile_12(repo: Repo) -> None:
    """A change that is right by itself: nobody needs user-profile 12 once fraud's candidate is withdrawn."""
    repo.take(withdraw, "Withdraw fraud 42")
    repo.edit("components/user-profile.yaml", '["11", "12"]', '["11"]')
    repo.commit("Serve user-profile 11 alone")


def propose(repo: Repo, change: Change) -> str:
    """Push a change as a branch, and return its commit."""
    repo.git("checkout", "-q", "-b", "work")
    change(repo)
    repo.git("push", "-q", "origin", "HEAD")
    head = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "main")
    return head


def merge(repo: Repo, head: str) -> str:
    """Merge a commit with the newest main, as a forge does to try it, and return what comes of it."""
    repo.git("checkout", "-q", "--detach", "main")
    repo.git("merge", "-q", "--no-ff", "-m", f"Merge {head} into main", head)
    merged = repo.git("rev-parse", "HEAD")
    repo.git("push", "-q", "origin", f"HEAD:{MERGE_REF}")
    repo.git("checkout", "-q", "main")
    return merged


def cloned(repo: Repo, commit: str, *options: str) -> Path:
    """Fetch a commit and nothing else into an empty clone, as a runner does."""
    folder = repo.remote.parent / "runner" / "work"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", repo.remote.as_uri())
    git(folder, "fetch", "-q", "--no-tags", *options, "origin", commit)
    git(folder, "checkout", "-q", "--detach", commit)
    return folder


def shell(text: str, folder: Path, environment: Mapping[str, str], command: tuple[str, ...] = BASH) -> Result:
    ran = subprocess.run(
        [*command, text], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return Result(ran.returncode, ran.stdout, ran.stderr)
