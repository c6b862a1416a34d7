"""A remote is asked, fetched from and pushed to; of many who push a branch, one wins."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from clones import commit, head, origin
from repo import git

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import GitError, Plumbing
from rollout_spec.integrations.git.repository import Git

pytestmark = pytest.mark.system

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_branch_is_pushed_only_where_it_is_not_there(clone: Path) -> None:
    repo, first, there = Git(clone), head(clone), origin(clone)
    mine = repo.build(first, {"a.yaml": b"mine"}, "m", NOON)
    theirs = repo.build(first, {"a.yaml": b"theirs"}, "m", NOON)
    assert there.branch("a/b") is None
    assert there.push_new("a/b", mine) is True
    assert there.push_new("a/b", mine) is True
    assert there.push_new("a/b", theirs) is False
    assert there.branch("a/b") == mine


def test_a_push_waits_for_who_writes_the_branch_now(clone: Path) -> None:
    there, first = origin(clone), head(clone)
    lock = clone.parent / "remote.git/refs/heads/b.lock"
    lock.touch()
    waiting = subprocess.Popen(["sh", "-c", f"sleep 0.2; rm '{lock}'"])
    assert there.push_new("b", first) is True
    waiting.wait()


def test_a_push_that_the_remote_refuses_says_why(clone: Path) -> None:
    hook = clone.parent / "remote.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no rollbacks on Friday\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitError, match=r"git push failed: .*no rollbacks on Friday") as caught:
        origin(clone).push_new("b", head(clone))
    assert caught.value.status == 3


def test_a_fetch_moves_no_branch_and_no_tag(clone: Path) -> None:
    git(clone.parent, "clone", "-q", "remote.git", "other")
    other = clone.parent / "other"
    (other / "a.yaml").write_text("a: 3\n")
    new = commit(other, "Third")
    git(other, "tag", "v3")
    git(other, "push", "-q", "origin", "v3")
    before = git(clone, "for-each-ref")
    repo, there = Git(clone), origin(clone)
    assert there.fetch("main") == new
    assert repo.read(new, "a.yaml") == b"a: 3\n"
    assert git(clone, "for-each-ref") == before
    assert not (clone / ".git/FETCH_HEAD").exists()


def test_a_branch_is_found_by_its_whole_name(clone: Path) -> None:
    git(clone, "push", "-q", "origin", "HEAD:refs/a/refs/heads/x", "HEAD:refs/heads/y/x")
    there = origin(clone)
    assert there.branch("x") is None
    with pytest.raises(UserError, match="the remote `origin` has no branch `x`"):
        there.fetch("x")
    assert there.branch("y/x") == head(clone)


def test_remotes_are_known_by_name(clone: Path) -> None:
    repo = Git(clone)
    assert repo.add_remote("fork", "--upload-pack=x").url == "--upload-pack=x"
    assert (origin(clone).url, origin(clone).head()) == (str(clone.parent / "remote.git"), ("main", head(clone)))
    assert repo.remote("fork") is not None
    assert repo.remote("upstream") is None


def test_a_remote_without_a_head_has_none(clone: Path) -> None:
    git(clone.parent / "remote.git", "symbolic-ref", "HEAD", "refs/heads/gone")
    assert origin(clone).head() is None
    git(clone.parent / "remote.git", "update-ref", "--no-deref", "HEAD", head(clone))
    assert origin(clone).head() is None


def test_a_bare_mirror_does_all_of_it(clone: Path) -> None:
    git(clone.parent, "clone", "-q", "--mirror", "remote.git", "mirror.git")
    repo, before = Git(clone.parent / "mirror.git"), head(clone)
    there = origin(repo)
    new = commit(clone, "Second")
    assert there.fetch("main") == new
    built = repo.build(new, {"a.yaml": b"2"}, "m", NOON)
    assert there.push_new("b", built)
    assert git(clone.parent / "mirror.git", "rev-parse", "main") == before
    assert origin(clone).branch("b") == built


def test_credentials_in_a_url_are_not_told(clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", "https://user:secret@127.0.0.1:1/x.git")
    with pytest.raises(GitError) as caught:
        origin(clone).fetch("main")
    assert "secret" not in caught.value.message
    assert "127.0.0.1" in caught.value.message


# Partial clones.


@pytest.fixture
def partial(clone: Path) -> Path:
    """A bare clone of the remote without any file's contents, three commits long."""
    for text in ("2", "3"):
        (clone / "a.yaml").write_text(f"a: {text}\n")
        commit(clone, text)
    remote = clone.parent / "remote.git"
    git(remote, "config", "uploadpack.allowFilter", "true")
    git(clone.parent, "clone", "-q", "--bare", "--filter=blob:none", remote.as_uri(), "partial.git")
    return clone.parent / "partial.git"


def test_a_partial_clone_asks_for_a_commit_without_fetching_it(clone: Path, partial: Path) -> None:
    (clone / "a.yaml").write_text("a: 4\n")
    new = commit(clone, "Fourth")
    plumbing = Plumbing(partial)
    assert (plumbing.has(head(clone)), plumbing.has(git(clone, "rev-parse", "HEAD~1"))) == (False, True)
    assert origin(partial).fetch("main") == new
    assert plumbing.has(new)


def test_what_a_partial_clone_lacks_is_fetched_when_it_is_read_and_at_once_when_it_is_named(
    clone: Path, partial: Path
) -> None:
    def lacks() -> list[str]:
        told = git(partial, "rev-list", "--objects", "--missing=print", "--all").split()
        return [word.removeprefix("?") for word in told if word.startswith("?")]

    assert len(lacks()) == 4
    assert Git(partial).read(head(clone), "a.yaml") == b"a: 3\n"
    assert len(lacks()) == 3
    with patch.object(Plumbing, "answer", autospec=True, side_effect=Plumbing.answer) as asked:
        origin(partial).fetch_objects(lacks())
        assert asked.call_count == 1
    assert lacks() == []


def test_a_commit_on_a_partial_clone_needs_no_contents(clone: Path, partial: Path) -> None:
    git(partial, "config", "remote.origin.url", str(clone.parent / "gone.git"))
    repo = Git(partial)
    built = repo.build(head(clone), {"deep/er/b.yaml": b"b: 2\n", "new.yaml": b"n\n"}, "m", NOON)
    git(partial, "config", "remote.origin.url", str(clone.parent / "remote.git"))
    assert origin(partial).push_new("b", built)
    assert git(clone.parent / "remote.git", "show", "b:deep/er/b.yaml") == "b: 2"
    assert git(clone.parent / "remote.git", "show", "b:a.yaml") == "a: 3"
    git(clone.parent / "remote.git", "fsck", "--strict")


def test_a_push_can_be_tried_without_being_made(clone: Path) -> None:
    assert origin(clone).push_new("b", head(clone), dry_run=True)
    assert origin(clone).branch("b") is None
