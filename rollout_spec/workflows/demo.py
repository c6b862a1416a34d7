"""The repository of the demonstration: a clone, its remote, and the changes in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from rollout_spec.core import package_data as resources
from rollout_spec.domain.transitions import advance, propose, withdraw
from rollout_spec.integrations.git.remote import Remote
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.rollout import Live
from rollout_spec.workflows.checkout import open_checkout
from rollout_spec.workflows.locate import find_from
from rollout_spec.workflows.render import render_workspace, write_manifests
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

ROLLOUT = "fraud"
FILE = f"rollouts/{ROLLOUT}.yaml"
_CANDIDATE = "42"
_BRANCH = "main"

Step = Callable[[Live, list[str]], Live]
"""A function from ``live`` and the names of the stages to the next ``live``."""


class DemoRepository:
    """A clone and its bare remote, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.remote = folder / "models.git"
        self.clone = folder / "models"

    @cached_property
    def git(self) -> Git:
        """The clone."""
        return Git(self.clone)

    @cached_property
    def _origin(self) -> Remote:
        origin = self.git.remote("origin")
        assert origin is not None
        return origin

    def create_remote(self) -> None:
        """Create the bare remote."""
        Git.create(self.remote, bare=True)

    def create_clone(self) -> None:
        """Make a repository of the clone's files, with stable and a candidate in its first stage, and push it."""
        Git.create(self.clone).add_remote("origin", str(self.remote))
        self._commit("Serve fraud 41", lambda live, stages: withdraw(live))
        self._commit(
            "Propose fraud 42, and copy traffic to it", lambda live, stages: advance(propose(live, _CANDIDATE), stages)
        )

    @contextmanager
    def bad_edit(self) -> Iterator[None]:
        """Misspell a field and leave out quotes in this context."""
        path = self.clone / FILE
        good = path.read_text(encoding="utf-8")
        bad = good.replace("weight: 5%", "wieght: 5%").replace('candidate: "42"', "candidate: 42")
        path.write_text(bad, encoding="utf-8")
        yield
        path.write_text(good, encoding="utf-8")

    def advance(self) -> str:
        """Move the candidate to the next stage by a commit, push it, and return the diff."""
        before = self.git.commit("HEAD")
        return self.git.diff(before, self._commit("Advance fraud 42 to canary-5", advance))

    def propose_again(self) -> None:
        """Propose the failed version in the working tree."""
        self._edit(lambda live, stages: propose(live, _CANDIDATE))

    def write_breach(self, now: datetime) -> Path:
        """Write the payload of a breach beside the clone, and return its path."""
        payload = json.loads(resources.read("examples/alertmanager.json"))
        payload["alerts"][0]["startsAt"] = now.isoformat()
        path = self.clone.parent / "breach.json"
        path.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
        return path

    def pull_request(self) -> dict[str, Any]:
        """Return the only pull request, as the local forge wrote it."""
        pull_request: dict[str, Any] = json.loads(Path(f"{self.remote}.pulls", "1.json").read_text(encoding="utf-8"))
        return pull_request

    def pull_request_diff(self) -> str:
        """Return the diff of the pull request."""
        return self.git.diff(self.git.commit("HEAD"), self.pull_request()["headSha"])

    def merge_pull_request(self) -> None:
        """Merge the pull request by a fast-forward, and push it."""
        self.git.fast_forward(self.pull_request()["headSha"])
        self._origin.push(_BRANCH)

    def _edit(self, step: Step) -> None:
        """Apply a step to ``live`` in the working tree."""
        file = Repository(WorkingTree(self.clone)).require_rollout(ROLLOUT)
        spec = file.require_model().spec
        stages = [stage.name for stage in spec.stages]
        (self.clone / FILE).write_bytes(with_live(file.content, step(spec.live, stages)))

    def _commit(self, message: str, step: Step) -> str:
        """Apply a step, render, commit and push; return the commit."""
        self._edit(step)
        here = find_from(self.clone)
        with open_checkout(here.workspace, here.git_root, lambda message: None) as checkout:
            list(write_manifests(render_workspace([], here).changes, here, checkout))
        commit = self.git.commit_all(message)
        self._origin.push(_BRANCH)
        return commit
