"""A commit that somebody pushes to an open rollback: the service notices it, and proposes the rollback again."""

from __future__ import annotations

import pytest
import served
from fakes.forge import ForgeHost
from faults import post, serving
from hosted_repositories import Hosted
from repo import Repo, git

pytestmark = pytest.mark.system


def test_a_commit_on_top_does_not_stop_a_rollback(repo: Repo, forge: Hosted) -> None:
    """A required check that fails on it would let the rollback wait for ever."""
    assert isinstance(forge.host, ForgeHost)
    with serving(repo) as running:
        id = post(running)
        first = running.settled(id, "watching")["outcome"]["pullRequest"]
        head = git(repo.remote, "rev-parse", first["branch"])
        names = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.com"}
        names |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.com"}
        added = git(repo.remote, "commit-tree", "main^{tree}", "-p", head, "-m", "Undo it", **names)
        git(repo.remote, "update-ref", f"refs/heads/{first['branch']}", added)
        again = served.until(lambda: running.breach(id), lambda row: row["outcome"]["pullRequest"] != first)
        second = again["outcome"]["pullRequest"]
        assert second["branch"] == f"{first['branch']}-2" and second["state"] == "open"
        assert any("unexpected commit" in note for note in again["outcome"]["notes"])
        assert git(repo.remote, "rev-parse", first["branch"]) == added
        waiting = served.until(lambda: running.breach(id), lambda row: row["state"] == "watching")
        assert [each["name"] for each in waiting["steps"]].count("pull request") == 2
