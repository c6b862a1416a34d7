"""A clone with one commit, and the bare remote beside it: what is asked of git itself is asked of these."""

from __future__ import annotations

from pathlib import Path

from repo import git

from rollout_spec.integrations.git.remote import Remote
from rollout_spec.integrations.git.repository import Git


def make(place: Path) -> Path:
    """Make a clone with one commit on main, pushed to a bare remote beside it; return its folder."""
    git(place, "init", "-q", "--bare", "-b", "main", "remote.git")
    folder = place / "clone"
    git(place, "init", "-q", "-b", "main", str(folder))
    git(folder, "remote", "add", "origin", str(place / "remote.git"))
    (folder / "deep/er").mkdir(parents=True)
    (folder / "a.yaml").write_text("a: 1\n")
    (folder / "deep/er/b.yaml").write_text("b: 1\n")
    commit(folder, "First")
    return folder


def commit(folder: Path, message: str) -> str:
    """Commit all that there is, push it, and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    git(folder, "push", "-q", "origin", "HEAD")
    return git(folder, "rev-parse", "HEAD")


def head(folder: Path) -> str:
    """Return the commit that is checked out."""
    return git(folder, "rev-parse", "HEAD")


def origin(repo: Git | Path) -> Remote:
    """Return the remote of a clone."""
    found = (Git(repo) if isinstance(repo, Path) else repo).remote("origin")
    assert found is not None
    return found
